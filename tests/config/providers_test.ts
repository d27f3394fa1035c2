import { problemText } from "../../lib/config/mod.ts";
import { type ProvidersRead, readProviders } from "../../lib/config/providers.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FLEET } from "./support.ts";
import { type ConfigResult, resolveConfig } from "../../lib/config/mod.ts";

const KEYS: Readonly<Record<string, string>> = { OPENAI_API_KEY: "hush", MY_KEY: " hush2\n" };

function read(content: unknown): ProvidersRead {
  return readProviders(content, "p.yaml", (name) => KEYS[name]);
}

function linesOf(content: unknown): readonly string[] {
  return read(content).problems.map(problemText);
}

const OPENAI = {
  name: "openai",
  type: "openai",
  api_base: "https://api.example",
  models: [{ id: "gpt", type: "chat", aliases: ["best"] }],
};

Deno.test("readProviders() takes the production-stack router's schema", () => {
  const full = {
    ...OPENAI,
    api_key_env_var: "MY_KEY",
    timeout: 30,
    max_retries: 1,
    custom_headers: { "OpenAI-Organization": "org" },
  };
  const expected: ProvidersRead["providers"] = [{
    name: "openai",
    url: "https://api.example",
    headers: [["authorization", "Bearer hush2"], ["openai-organization", "org"]],
    models: new Map([["gpt", "gpt"], ["best", "gpt"]]),
    retries: 1,
    timeoutMs: 30_000,
  }];
  for (const content of [[full], { external_providers: [full] }, { providers: [full] }]) {
    assertEquals(read(content), { providers: expected, problems: [] });
  }
});

Deno.test("readProviders() has the key of each type in its field", () => {
  const headers = (more: Readonly<Record<string, unknown>>): unknown =>
    read([{ ...OPENAI, ...more }]).providers[0]?.headers;
  assertEquals(headers({}), [["authorization", "Bearer hush"]]);
  assertEquals(headers({ type: "anthropic", api_key: "k" }), [["x-api-key", "k"]]);
  assertEquals(headers({ custom_headers: { Authorization: "Other" } }), [[
    "authorization",
    "Other",
  ]]);
});

Deno.test("readProviders() keeps base paths, with and without the version", () => {
  const rows = [
    ["https://api.example", "https://api.example"],
    ["https://api.example/", "https://api.example"],
    ["https://api.example/v1", "https://api.example"],
    ["https://api.example/openai/v1/", "https://api.example/openai"],
    ["http://127.0.0.1:9/base", "http://127.0.0.1:9/base"],
  ] as const;
  for (const [given, url] of rows) {
    assertEquals(read([{ ...OPENAI, api_base: given }]).providers[0]?.url, url, given);
  }
});

Deno.test("readProviders() tells what is wrong and where, and never a key", () => {
  const at = "external_providers[0]";
  const rows: readonly (readonly [unknown, string])[] = [
    [undefined, "external_providers in p.yaml: expected a list of providers"],
    [[], "external_providers in p.yaml: names no provider"],
    [[{ ...OPENAI, api_bse: "x" }], `${at} in p.yaml: Unrecognized key: "api_bse"`],
    [[{ ...OPENAI, type: "other" }], `${at}.type in p.yaml: expected openai or anthropic`],
    [[{ ...OPENAI, models: [] }], `${at}.models in p.yaml: names no model`],
    [
      [{ ...OPENAI, api_base: "https://me:hush@x" }],
      `${at}.api_base in p.yaml "https://***@x": a URL with a user name or password is refused`,
    ],
    [
      [{ ...OPENAI, api_base: "http://169.254.169.254" }],
      `${at}.api_base in p.yaml: the address is link-local or a metadata service`,
    ],
    [
      [{ ...OPENAI, api_key_env_var: "NOT_SET" }],
      `${at}.api_key_env_var in p.yaml: no key: the variable NOT_SET is not set, or the program ` +
      "may not read it (it may where the name begins with PD_ROUTER_)",
    ],
    [
      [{ ...OPENAI, api_key: "hush hush" }],
      `${at}.api_key in p.yaml: the key holds characters that an HTTP header cannot`,
    ],
    [
      [{ ...OPENAI, custom_headers: { "a b": "hush" } }],
      `${at}.custom_headers in p.yaml "a b": not the name and value of a header field`,
    ],
    [
      [OPENAI, { ...OPENAI, models: ["other"] }],
      'external_providers[1].name in p.yaml "openai": given twice',
    ],
    [
      [OPENAI, { ...OPENAI, name: "b", models: ["best"] }],
      'external_providers[1].models in p.yaml: "best" is given by openai already',
    ],
  ];
  for (const [content, line] of rows) {
    assertEquals(linesOf(content), [line]);
    assert(!line.includes("hush"));
  }
});

function resolve(flags: Readonly<Record<string, string>>, content?: unknown): ConfigResult {
  return resolveConfig({
    flags: new Map(Object.entries(flags).map(([name, value]) => [name, [value]])),
    env: (name) => KEYS[name],
    ...(content === undefined ? {} : { providers: { ok: true, path: "p.yaml", content } }),
  });
}

const GIVEN = { "external-providers-config": "p.yaml" };

Deno.test("resolveConfig() starts with providers alone, and beside engines", () => {
  for (
    const flags of [{ ...GIVEN, "service-discovery": "external-only" }, { ...GIVEN, ...FLEET }]
  ) {
    const result = resolve(flags, [OPENAI]);
    assert(result.ok, JSON.stringify(result));
    assertEquals(result.config.external?.map(({ name }) => name), ["openai"]);
  }
});

Deno.test("resolveConfig() refuses what does not fit to providers", () => {
  const rows: readonly (readonly [Readonly<Record<string, string>>, unknown, string])[] = [
    [
      { "service-discovery": "external-only" },
      undefined,
      "--external-providers-config: required with --service-discovery external-only: the file of providers",
    ],
    [
      { ...FLEET, ...GIVEN, "service-discovery": "external-only" },
      [OPENAI],
      "--static-backends: --service-discovery external-only has no engines: leave one of the two out",
    ],
    [
      { ...FLEET, ...GIVEN },
      [{ ...OPENAI, models: ["m"] }],
      'models of openai in p.yaml "m": an engine or an alias goes by this name: give the ' +
      "provider's another, as an alias",
    ],
  ];
  for (const [flags, content, line] of rows) {
    const result = resolve(flags, content);
    assert(!result.ok);
    assert(
      result.problems.map(problemText).includes(line),
      result.problems.map(problemText).join(),
    );
  }
});
