import { parseConfigText } from "../../lib/config/mod.ts";
import { type FileValues, readFileValues } from "../../lib/config/file.ts";
import { problemText } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

function read(text: string): FileValues {
  const parsed = parseConfigText(text);
  assert(parsed.ok, parsed.ok ? "" : parsed.message);
  return readFileValues(parsed.value, "pd.yaml");
}

Deno.test("parseConfigText() reads YAML and JSON to the same", () => {
  const yaml = parseConfigText("port: 9000\nlog_stats: true\nengines:\n  - {url: http://a}\n");
  const json = parseConfigText(
    '{\n\t"port": 9000,\n\t"log_stats": true,\n\t"engines": [{"url": "http://a"}]\n}',
  );
  assert(yaml.ok && json.ok);
  assertEquals(yaml.value, json.value);
});

Deno.test("parseConfigText() tells the line of an error, and shows nothing of the file", () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ["port: 1\nport: 2\n", /at line 2, column 1$/],
    ["a:\n  - hush\n b: hush\n", /at line 3/],
    ['{"port": 1,\n "host": }x\nhush', /at line \d/],
    ["a: *missing", /missing/],
    ["a: 1\n---\nb: 2\n", /at line \d/],
  ];
  for (const [text, pattern] of rows) {
    const parsed = parseConfigText(text);
    assert(!parsed.ok, text);
    assert(pattern.test(parsed.message), parsed.message);
    assert(!parsed.message.includes("hush") && !parsed.message.includes("\n"), parsed.message);
  }
});

Deno.test("readFileValues() takes scalars and lists as they are written", () => {
  const { values, problems } = read(
    "port: 9000\nhost: '::'\nlog_stats: true\nnixl_cleanup_interval: 0.5\nroot_path:\n" +
      "static_backends: [http://a, http://b]\nnixl_peer_init_port: [7300, 7301]\n" +
      "static_models: m,n\n",
  );
  assertEquals(problems, []);
  assertEquals(
    Object.fromEntries(values),
    {
      "port": "9000",
      "host": "::",
      "log-stats": "true",
      "nixl-cleanup-interval": "0.5",
      "static-backends": ["http://a", "http://b"],
      "nixl-peer-init-port": ["7300", "7301"],
      "static-models": "m,n",
    },
  );
});

Deno.test("readFileValues() takes nothing from an empty file", () => {
  for (const text of ["", "# only a comment\n", "---\n", "{}"]) {
    const { values, engines, problems } = read(text);
    assertEquals([values.size, engines, problems], [0, [], []], text);
  }
});

Deno.test("readFileValues() takes the maps of a dynamic configuration file", () => {
  const { values, problems } = read(`
static_models:
  m: {static_backends: [http://a, http://b], static_model_type: chat}
  n: {static_backends: [http://c], static_model_type: embeddings}
static_aliases:
  gpt-4: m
  org/x: n
`);
  assertEquals(problems, []);
  assertEquals(
    Object.fromEntries(values),
    {
      "static-backends": ["http://a", "http://b", "http://c"],
      "static-models": ["m", "m", "n"],
      "static-model-types": ["chat", "chat", "embeddings"],
      "static-aliases": ["gpt-4:m", "org/x:n"],
    },
  );
});

Deno.test("readFileValues() refuses backends beside a map of models", () => {
  const text = "static_backends: http://a\nstatic_models: {m: {static_backends: [http://a]}}\n";
  assertEquals(read(text).problems.map(({ key }) => key), ["static_models in pd.yaml"]);
});

Deno.test("readFileValues() tells where a shape is wrong", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["prot: 1", ["prot in pd.yaml: unknown key; did you mean port?"]],
    ["static-backends: a", [
      "static-backends in pd.yaml: unknown key; did you mean static_backends?",
    ]],
    ["engine: []", ["engine in pd.yaml: unknown key; did you mean engines?"]],
    ["config: other.yaml", ["config in pd.yaml: a file does not name another"]],
    ["- a\n- b", ["pd.yaml: expected keys and values"]],
    ["just text", ["pd.yaml: expected keys and values"]],
    ["port: {a: 1}", ["port in pd.yaml: expected one value or a list of values"]],
    ["prefill: [[http://a]]", ["prefill in pd.yaml: expected one value or a list of values"]],
    ["engines: http://a", ['engines in pd.yaml "http://a": expected a list of engines']],
    ["engines: [{role: decode}]", ["engines[0].url in pd.yaml: required"]],
    ["engines: [{url: http://a}, {url: 5}]", ['engines[1].url in pd.yaml "5"']],
    ["engines: [{url: a, role: every}]", ['engines[0].role in pd.yaml "every"']],
    ["engines: [{url: a, modle: m}]", [
      'engines[0] in pd.yaml "modle": unknown key; did you mean model?',
    ]],
    [
      "engines: [{url: a, nixl: {init_port: 1}}]",
      ['engines[0].nixl in pd.yaml "init_port": unknown key; did you mean init_ports?'],
    ],
    [
      "engines: [{url: a, nixl: {init_ports: [x]}}]",
      ["engines[0].nixl.init_ports in pd.yaml: expected a port or a list of ports"],
    ],
    ["static_models: {m: {static_backends: []}}", ["static_models.m.static_backends in pd.yaml"]],
    ["static_models: {m: [http://a]}", ["static_models.m in pd.yaml"]],
    [
      "static_aliases: {'llama3:8b': m}",
      ['static_aliases in pd.yaml "llama3:8b": an alias cannot hold a colon'],
    ],
    ["static_aliases: {a: 5}", ['static_aliases.a in pd.yaml "5": expected the name of a model']],
    ["prot: 1\nhots: b\nengines: [{}]", ["prot in", "hots in", "engines[0].url in"]],
  ];
  for (const [text, expected] of rows) {
    const lines = read(text).problems.map(problemText);
    assertEquals(lines.length, expected.length, `${text}: ${lines}`);
    for (const [index, part] of expected.entries()) assertStringIncludes(lines[index] ?? "", part);
  }
});

Deno.test("readFileValues() says which flags it could not read", () => {
  const { invalid } = read("port: {a: 1}\nengines: 5\nstatic_models: {m: 5}\n");
  assertEquals([...invalid], ["port", "engines", "static-models"]);
});

Deno.test("parseConfigText() refuses what is nested too deeply", () => {
  for (const text of [`a: ${"[".repeat(3_000)}`, `{${"a: ".repeat(3_000)}1}`]) {
    assert(!parseConfigText(text).ok);
  }
});
