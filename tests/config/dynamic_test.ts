import { parseConfigText, problemText, resolveConfig } from "../../lib/config/mod.ts";
import type { ConfigInput, ConfigResult } from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** The example of that router's documents, without its callbacks. */
const YAML = `
service_discovery: static
routing_logic: roundrobin
static_models:
  facebook/opt-125m:
    static_backends: [http://a:9001, http://a:9003]
    static_model_type: completion
  meta-llama/Llama-3.1-8B-Instruct:
    static_backends: [http://a:9002]
    static_model_type: chat
static_aliases:
  my-alias: facebook/opt-125m
`;

const JSON_TEXT = JSON.stringify({
  service_discovery: "static",
  routing_logic: "session",
  session_key: "x-user-id",
  static_backends: "http://a:9001,http://a:9002",
  static_models: "m,n",
  static_model_types: "completion,chat",
  static_aliases: "alias:m",
});

function resolve(
  dynamic: string,
  flags: Readonly<Record<string, string>> = {},
  more: Partial<ConfigInput> = {},
): ConfigResult {
  const parsed = parseConfigText(dynamic);
  assert(parsed.ok);
  return resolveConfig({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])),
    env: () => undefined,
    dynamic: { ok: true, path: "dynamic.yaml", content: parsed.value },
    ...more,
  });
}

function linesOf(result: ConfigResult): readonly string[] {
  return result.ok ? [] : result.problems.map(problemText);
}

Deno.test("resolveConfig() starts by a dynamic file alone, YAML with maps and JSON with lists", () => {
  const yaml = resolve(YAML);
  assert(yaml.ok, linesOf(yaml).join("\n"));
  assertEquals(yaml.config.engines.map(({ url, models }) => [url, models]), [
    ["http://a:9001", ["facebook/opt-125m"]],
    ["http://a:9003", ["facebook/opt-125m"]],
    ["http://a:9002", ["meta-llama/Llama-3.1-8B-Instruct"]],
  ]);
  assertEquals([...yaml.config.aliases], [["my-alias", "facebook/opt-125m"]]);
  const json = resolve(JSON_TEXT);
  assert(json.ok, linesOf(json).join("\n"));
  assertEquals(json.config.routing, { kind: "session", sessionKey: "x-user-id" });
  assertEquals(json.config.engines.length, 2);
});

Deno.test("resolveConfig() lets flags and --config win over a dynamic file", () => {
  const flags = resolve(JSON_TEXT, { "routing-logic": "roundrobin", "static-models": "x,y" });
  assert(flags.ok);
  assertEquals(flags.config.engines.map(({ models }) => models), [["x"], ["y"]]);
  const content = { session_key: "x-other", port: 9000 };
  const file = resolve(JSON_TEXT, {}, { file: { ok: true, path: "pd.yaml", content } });
  assert(file.ok);
  assertEquals([file.config.routing.sessionKey, file.config.listen.port], ["x-other", 9000]);
});

Deno.test("resolveConfig() has nothing to note of a dynamic file, which is looked at again", () => {
  const result = resolve(JSON_TEXT);
  assertEquals(result.ok && [result.notes, result.config.reload], [[], { everyMs: 5_000 }]);
});

Deno.test("resolveConfig() tells what a dynamic file says, addresses only where they may be known", () => {
  const hidden = resolve(JSON_TEXT);
  assertEquals(hidden.ok && hidden.config.dynamic, {
    "service_discovery": "static",
    "static_models": "m,n",
    "static_aliases": "alias:m",
    "routing_logic": "session",
    "session_key": "x-user-id",
    "static_model_types": "completion,chat",
  });
  const shown = resolve(JSON_TEXT, { "expose-engines": "true" });
  assertEquals(
    shown.ok && shown.config.dynamic?.["static_backends"],
    "http://a:9001,http://a:9002",
  );
});

Deno.test("resolveConfig() tells what is wrong in a dynamic file, and of two at once", () => {
  assertEquals(linesOf(resolve("static_model_type: chat")).slice(0, 1), [
    "static_model_type in dynamic.yaml: unknown key; did you mean static_model_types?",
  ]);
  assertEquals(linesOf(resolve(`${JSON_TEXT.slice(0, -1)}, "port": "x"}`)), [
    'port in dynamic.yaml "x": expected an integer from 0 to 65535',
  ]);
  assertEquals(linesOf(resolve("dynamic_config_yaml: other.yaml")).slice(0, 1), [
    "dynamic_config_yaml in dynamic.yaml: a file does not name another",
  ]);
  const unread = { ok: false, path: "gone.yaml", message: "Cannot read the file" } as const;
  assertEquals(linesOf(resolve("", {}, { dynamic: unread })), ["gone.yaml: Cannot read the file"]);
  const both = { "dynamic-config-yaml": "a.yaml", "dynamic-config-json": "b.json" };
  assertEquals(linesOf(resolve(JSON_TEXT, both)), [
    '--dynamic-config-json "b.json": give either this or --dynamic-config-yaml, not both',
  ]);
});
