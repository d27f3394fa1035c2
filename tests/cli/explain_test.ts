import { dispatch } from "../../lib/cli/dispatch.ts";
import { explainHelp } from "../../lib/cli/explain.ts";
import { routerHelp } from "../../lib/cli/help.ts";
import { FEATURES } from "../../lib/disagg/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { fakeProcess } from "./support.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  argv: readonly string[],
  body?: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const files = body === undefined ? more : { ...more, "r.json": text };
  const { ports, out, err } = fakeProcess({}, files);
  const code = await dispatch(["explain", ...argv], ports);
  return { code, out: out.text, err: err.text };
}

const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }] };
const COMPLETION = { model: "m", prompt: "hi" };
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];

const DECISIONS: readonly (readonly [
  body: Readonly<Record<string, unknown>>,
  flags: readonly string[],
  lines: readonly RegExp[],
])[] = [
  [COMPLETION, [], [
    /^Request +POST \/v1\/completions, model "m"$/m,
    /^Features +none$/m,
    /^Decision +handoff in mode P1, KV by LMCache: /m,
  ]],
  [{ ...CHAT, stream: true }, [], [
    /^Request +POST \/v1\/chat\/completions, model "m", streamed$/m,
    /^Decision +handoff in mode P1, .* both legs go to \/v1\/completions$/m,
  ]],
  [CHAT, ["--first-token", "decode"], [
    /^Decision +handoff in mode D1, KV by LMCache: .* both legs go to \/v1\/chat\/completions$/m,
  ]],
  [CHAT, ["--kv-protocol", "nixl"], [/^Decision +handoff in mode D1, KV by NixlConnector: /m]],
  [CHAT, ["--kv-protocol=shared_storage", "--first-token=decode"], [
    /^Decision +handoff in mode D1, KV by a store both engines share: /m,
  ]],
  [{ ...CHAT, tools: TOOLS, response_format: { type: "json_object" } }, [], [
    /^Features +tools \(Tools and functions\): P1 direct, D1 handoff$/m,
    /^ +structured_output \(Structured output\): P1 direct, D1 handoff$/m,
    /^Decision +direct, reason tools: /m,
    /^Remedy +mode D1 carries it: .*--nixl-first-token decode or both.*--kv-protocol nixl/m,
  ]],
  [{ ...CHAT, tools: TOOLS }, ["--first-token", "prefill,decode"], [
    /^Decision +handoff in mode D1/m,
  ]],
  [{ ...CHAT, tools: TOOLS }, ["--first-token", "both"], [/^Decision +handoff in mode D1/m]],
  [{ ...COMPLETION, n: 2 }, ["--first-token", "both"], [
    /^Features +n \(n > 1\): P1 direct, D1 not LMCache$/m,
    /^Decision +direct, reason n: /m,
    /^Remedy +other protocols carry it: --kv-protocol nixl or shared_storage$/m,
  ]],
  [{ ...COMPLETION, n: 2 }, ["--kv-protocol", "nixl"], [/^Decision +handoff in mode D1/m]],
  [{ ...COMPLETION, suffix: "x" }, ["--first-token", "both"], [
    /^Decision +direct, reason suffix: /m,
    /^Remedy +none: no mode carries it$/m,
  ]],
  [{ ...COMPLETION, max_tokens: 0 }, [], [/^Decision +direct, reason malformed: /m]],
  [{ model: "m", input: "hi" }, [], [
    /^Request +POST \/v1\/responses, /m,
    /^Decision +direct, reason endpoint: /m,
  ]],
  [{ ...CHAT, max_tokens: 5 }, ["--endpoint", "messages", "--first-token", "decode"], [
    /^Request +POST \/v1\/messages, /m,
    /^Decision +handoff in mode D1, .* both legs go to \/v1\/messages$/m,
  ]],
  [{ model: "m", prompt: ["a", "b"] }, [], [
    /^Request .*, 2 prompts, each answered by itself$/m,
    /^Decision +handoff in mode P1/m,
  ]],
  [{ model: "m", prompt: ["a", "", "b"] }, [], [
    /^Prompts +0, 2\nFeatures +none\nDecision +handoff in mode P1/m,
    /^Prompt +1\nFeatures +malformed .*\nDecision +direct, reason malformed/m,
  ]],
];

for (const [body, flags, lines] of DECISIONS) {
  Deno.test(`explain ${flags.join(" ")} tells the decision for ${JSON.stringify(body)}`, async () => {
    const { code, out, err } = await run(["--request", "r.json", ...flags], body);
    assertEquals([code, err], [0, ""]);
    for (const line of lines) assertMatch(out, line);
    assertEquals(out.includes("Remedy"), out.includes("direct, reason"));
  });
}

Deno.test("explain tells when prompt ids of the engine's own making would carry a request", async () => {
  const body = { ...CHAT, tools: TOOLS, tool_choice: "none" };
  const { out } = await run(["--request=r.json"], body);
  assertMatch(out, /P1 exact ids, D1 handoff/);
  assertMatch(out, /^Remedy +mode D1 carries it: .*\n +mode P1 carries it with .*--tokenize/m);
});

Deno.test("explain reads standard input for -", async () => {
  const { ports, out } = fakeProcess({}, { "-": JSON.stringify(COMPLETION) });
  assertEquals(await dispatch(["explain", "--request", "-"], ports), 0);
  assertMatch(out.text, /^Decision +handoff in mode P1/m);
});

Deno.test("explain without a request prints every feature with what carries it", async () => {
  const { code, out, err } = await run([]);
  assertEquals([code, err], [0, ""]);
  const lines = out.split("\n").map((line) => line.split(/ {2,}/));
  for (const { reason, what, p1, d1, exactP1, readsAgain } of FEATURES) {
    const inP1 = p1 ? "handoff" : exactP1 === true ? "exact ids" : "direct";
    const inD1 = readsAgain === true ? "not LMCache" : d1 ? "handoff" : "direct";
    const wanted = [reason, inP1, inD1, what].join("|");
    assert(lines.some((cells) => cells.join("|") === wanted), wanted);
  }
  const table = lines.filter((cells) => cells.length === 4).slice(1);
  assertEquals(table.map(([reason]) => reason), FEATURES.map(({ reason }) => reason));
});

const UNREADABLE: readonly (readonly [body: string | undefined, message: string])[] = [
  [undefined, "Cannot read r.json"],
  ["", "empty"],
  ["{", "not a JSON object"],
  ["[]", "not a JSON object"],
  ['{"prompt":"hi"}', "Missing field 'model'"],
  ['{"model":"m","stream":2}', "Field 'stream'"],
  ['{"model":"m","prompt":["a",[1]]}', "Field 'prompt'"],
];

for (const [body, message] of UNREADABLE) {
  Deno.test(`explain ends with 1 for the request ${JSON.stringify(body)}`, async () => {
    const { code, out, err } = await run(["--request", "r.json"], body);
    assertEquals([code, out], [1, ""]);
    assertStringIncludes(err, message);
  });
}

const WRONG: readonly (readonly [argv: readonly string[], message: string])[] = [
  [["r.json"], "r.json: unexpected argument"],
  [["--request"], "--request: expected a value"],
  [["--requst", "r.json"], "--requst: unknown flag of pd-router explain; did you mean --request?"],
  [["--endpoint", "chta"], '--endpoint "chta": expected one of chat, completions'],
  [["--first-token", "prefill,neither"], '--first-token "neither": expected one of prefill'],
  [["--kv-protocol", "mooncake"], '--kv-protocol "mooncake": expected one of lmcache'],
  [["--config", "none.yaml"], "none.yaml: Cannot read the file: there is none"],
  [
    ["--kv-protocol", "nixl", "--first-token", "prefill"],
    '--first-token "prefill": with --kv-protocol nixl all tokens come from decode engines',
  ],
];

for (const [argv, message] of WRONG) {
  Deno.test(`explain ends with 2 for ${argv.join(" ")}`, async () => {
    const { code, out, err } = await run(argv, COMPLETION);
    assertEquals([code, out], [2, ""]);
    assertStringIncludes(err, message);
    assertStringIncludes(err, "Try: pd-router help explain");
  });
}

const MIXED = {
  routing_logic: "disaggregated_prefill",
  nixl_proxy_host: "0.0.0.0",
  static_aliases: { chat: "m" },
  engines: [
    { url: "http://p", role: "prefill", model: "m" },
    { url: "http://d", role: "decode", model: "m" },
    { url: "http://p2", role: "prefill", model: "m", kv_protocol: "nixl" },
    { url: "http://d2", role: "decode", model: "m", kv_protocol: "nixl" },
    { url: "http://d3", role: "decode", model: "alone" },
    { url: "http://e", role: "any", model: "e" },
  ],
};
const WHOLE = {
  routing_logic: "roundrobin",
  engines: [{ url: "http://a", role: "any" }],
};

const CONFIGURED: readonly (readonly [config: unknown, body: unknown, lines: readonly RegExp[]])[] =
  [
    [MIXED, CHAT, [/^Decision +handoff in mode P1, KV by LMCache: /m]],
    [MIXED, { ...CHAT, model: "chat", n: 2 }, [
      /^Request .*, model "m"$/m,
      /^Decision +handoff in mode D1, KV by NixlConnector: /m,
    ]],
    [{ ...MIXED, tokenize: "prefill" }, { ...CHAT, documents: [{ text: "t" }] }, [
      /^Decision +handoff in mode D1/m,
    ]],
    [MIXED, { ...CHAT, model: "alone" }, [
      /^Decision +direct, reason no_prefill_engine: /m,
      /^Remedy +a prefill engine of that model, /m,
    ]],
    [MIXED, { model: "e", prompt: "x" }, [/^Decision +direct, reason no_nixl_receiver: /m]],
    [WHOLE, CHAT, [/^Decision +one engine serves it: no handoffs are configured$/m]],
  ];

for (const [config, body, lines] of CONFIGURED) {
  Deno.test(`explain --config tells the decision for ${JSON.stringify(body)}`, async () => {
    const { code, out, err } = await run(["--request", "r.json", "--config", "c.json"], body, {
      "c.json": JSON.stringify(config),
    });
    assertEquals([code, err], [0, ""]);
    for (const line of lines) assertMatch(out, line);
  });
}

Deno.test("explain --config refuses what does not go together, or is not served", async () => {
  const files = { "c.json": JSON.stringify(MIXED) };
  const argv = ["--request", "r.json", "--config", "c.json"];
  const both = await run([...argv, "--kv-protocol", "nixl"], CHAT, files);
  assertEquals([both.code, both.out], [2, ""]);
  assertStringIncludes(both.err, "--kv-protocol: --config tells that");
  const unknown = await run(argv, { ...CHAT, model: "x" }, files);
  assertEquals([unknown.code, unknown.out], [1, ""]);
  assertStringIncludes(
    unknown.err,
    "The configuration has no engine for model 'x'; it has m, alone, e",
  );
});

Deno.test("explain prints its help and the version", async () => {
  for (const argv of [["explain", "--help"], ["explain", "-h"], ["help", "explain"]]) {
    const { ports, out } = fakeProcess();
    assertEquals(await dispatch(argv, ports), 0);
    assertEquals(out.text, `${explainHelp()}\n`);
  }
  for (const line of explainHelp().split("\n")) assert(line.length <= 100, line);
  assertMatch((await run(["--version"])).out, /^pd-router \d/);
  assertStringIncludes(routerHelp(), "pd-router explain [flags]");
});
