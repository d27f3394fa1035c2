import fc from "fast-check";
import { sha256 } from "../../lib/base/mod.ts";
import { parseKeysFile } from "../../lib/doors/mod.ts";
import { MAX_KEYS } from "../../lib/doors/keys_file.ts";
import { assert, assertEquals } from "../support/assert.ts";

const FULL = `
keys:
  - name: team-a
    key: sk-alpha
    requests_per_second: 2.5
    concurrent_requests: 10
    tokens_per_minute: 100000
    models: [llama, "qwen"]
  - name: team.b@example:1
    sha256: ${sha256("sk-beta").toUpperCase()}
`;

const KEYS = [
  {
    name: "team-a",
    digest: sha256("sk-alpha"),
    limits: {
      requestsPerSecond: 2.5,
      concurrentRequests: 10,
      tokensPerMinute: 100_000,
      models: ["llama", "qwen"],
    },
  },
  { name: "team.b@example:1", digest: sha256("sk-beta"), limits: {} },
];

Deno.test("parseKeysFile() reads YAML and JSON, with and without the word keys", () => {
  assertEquals(parseKeysFile(FULL), { ok: true, keys: KEYS });
  const list = [
    {
      name: "team-a",
      key: "sk-alpha",
      requests_per_second: 2.5,
      concurrent_requests: 10,
      tokens_per_minute: 100_000,
      models: ["llama", "qwen"],
    },
    { name: "team.b@example:1", sha256: sha256("sk-beta") },
  ];
  for (const value of [list, { keys: list }]) {
    assertEquals(parseKeysFile(JSON.stringify(value)), { ok: true, keys: KEYS });
  }
  assertEquals(parseKeysFile("keys: []"), { ok: true, keys: [] });
});

const PROBLEMS: readonly (readonly [name: string, text: string, problem: string])[] = [
  ["nothing", "", "expected a list of keys"],
  ["a text", "sk-hush", "expected a list of keys"],
  ["no list", "keys: sk-hush", "keys: expected a list of keys"],
  ["other words", "sk-hush: 1", "keys: expected a list of keys (and 1 more)"],
  ["more words", "keys: []\nsk-hush: 1", "expected nothing but keys"],
  ["a bare key", "- sk-hush", "keys[0]: expected a name, a key and limits"],
  ["no name", "- key: sk-hush", "keys[0].name: required"],
  ["an odd name", "- {name: a b, key: sk-hush}", "keys[0].name: expected 1 to 64 letters"],
  ["neither key nor digest", "- name: a", "keys[0]: give key or sha256"],
  ["both", `- {name: a, key: hush, sha256: ${"a".repeat(64)}}`, "keys[0]: give key or sha256"],
  [
    "a number for a key",
    "- {name: a, key: 1234}",
    "keys[0].key: expected a text: put it in quotes",
  ],
  ["a key that no field holds", "- {name: a, key: sk hush}", "keys[0].key: expected characters"],
  ["an empty key", '- {name: a, key: ""}', "keys[0].key: expected characters"],
  [
    "a digest of digits",
    `- {name: a, sha256: ${"0".repeat(64)}}`,
    "keys[0].sha256: expected a text",
  ],
  ["a short digest", "- {name: a, sha256: abc}", "keys[0].sha256: expected 64 hexadecimal digits"],
  ["no rate", "- {name: a, key: k, requests_per_second: 0}", "expected a number above 0"],
  ["a rate in words", "- {name: a, key: k, requests_per_second: hush}", "expected a number"],
  ["no room", "- {name: a, key: k, concurrent_requests: 0}", "expected 1 or more"],
  ["a fraction", "- {name: a, key: k, tokens_per_minute: 1.5}", "expected an integer"],
  ["no models", "- {name: a, key: k, models: []}", "keys[0].models: names no model"],
  ["an empty model", '- {name: a, key: k, models: [""]}', "keys[0].models[0]: must not be empty"],
  ["an unknown limit", "- {name: a, key: k, sk-hush: 1}", "keys[0]: has an unknown member"],
  [
    "the same name",
    "- {name: a, key: hush}\n- {name: a, key: hash}",
    "keys[1].name: the same as that of keys[0]",
  ],
  [
    "the same key",
    `- {name: a, key: hush}\n- {name: b, sha256: ${sha256("hush")}}`,
    "keys[1]: the same key as keys[0]",
  ],
  ["no YAML", "keys: [\n  {name: hush", "neither YAML nor JSON at line"],
  ["an alias that leads nowhere", "- {name: a, key: *hush}", "leads nowhere"],
  [
    "too many",
    JSON.stringify(
      Array.from({ length: MAX_KEYS + 1 }, (_, at) => ({ name: `n${at}`, key: `k${at}` })),
    ),
    `keys: expected at most ${MAX_KEYS}`,
  ],
];

for (const [name, text, problem] of PROBLEMS) {
  Deno.test(`parseKeysFile() says what is wrong with ${name}, and nothing of what it holds`, () => {
    const parsed = parseKeysFile(text);
    assert(!parsed.ok && parsed.problem.includes(problem), JSON.stringify(parsed));
    assert(!parsed.problem.includes("hush"), parsed.problem);
  });
}

Deno.test("parseKeysFile() reads as many keys as there may be in a moment", () => {
  const keys = Array.from({ length: MAX_KEYS }, (_, at) => ({ name: `n${at}`, key: `k${at}` }));
  const parsed = parseKeysFile(JSON.stringify({ keys }));
  assertEquals(parsed.ok && parsed.keys.length, MAX_KEYS);
});

Deno.test("parseKeysFile() never throws, whatever it is given", () => {
  const words = fc.array(
    fc.constantFrom(
      "keys",
      ":",
      "- ",
      "name",
      "key",
      "{",
      "}",
      "[",
      "]",
      "\n",
      " ",
      '"',
      "&a",
      "*a",
    ),
  ).map((parts) => parts.join(""));
  fc.assert(fc.property(fc.oneof(words, fc.string(), fc.json()), (text) => {
    const parsed = parseKeysFile(text);
    assertEquals(typeof parsed.ok, "boolean");
  }));
});

Deno.test("parseKeysFile() reads the file that the page shows", () => {
  const page = Deno.readTextFileSync(new URL("../../lib/doors/README.md", import.meta.url));
  const shown = /^```yaml\n(.*?)^```$/ms.exec(page)?.[1] ?? "";
  const parsed = parseKeysFile(shown);
  assert(parsed.ok, JSON.stringify(parsed));
  assertEquals(parsed.keys.map(({ name, limits }) => [name, Object.keys(limits).length]), [
    ["team-a", 4],
    ["batch", 0],
  ]);
});

Deno.test("parseKeysFile() refuses what is nested too deeply", () => {
  for (const text of [`a: ${"[".repeat(3_000)}`, `{${"a: ".repeat(3_000)}1}`]) {
    assert(!parseKeysFile(text).ok);
  }
});
