import { assertEquals } from "../support/assert.ts";
import { configOf, linesOf, PAIR } from "./support.ts";
import { sha256 } from "../../lib/base/mod.ts";

const KEYED = { ...PAIR, "api-key": "sk-a" } as const;

Deno.test("resolveConfig() takes keys from flags and from both variables, each once, as digests", () => {
  const rows = [
    [{ flags: { ...PAIR, "api-key": ["sk-a", "sk-b"] } }, ["sk-a", "sk-b"]],
    [{ flags: PAIR, env: { PD_ROUTER_API_KEY: "sk-a\n" } }, ["sk-a"]],
    [{ flags: PAIR, env: { PD_ROUTER_API_KEYS: " sk-a,sk-b\nsk-c " } }, ["sk-a", "sk-b", "sk-c"]],
    [{ flags: KEYED, env: { PD_ROUTER_API_KEYS: "sk-b,sk-a" } }, ["sk-a", "sk-b"]],
    [{ flags: PAIR, file: "api_key: [sk-a, sk-b]" }, ["sk-a", "sk-b"]],
    [{ flags: PAIR, env: { PD_ROUTER_API_KEYS: "" } }, []],
  ] as const;
  for (const [given, keys] of rows) {
    assertEquals(configOf(given).doors.keys.given, keys.map(sha256));
  }
});

Deno.test("resolveConfig() leaves endpoints open as --protect says, and /engines by no accident", () => {
  const rows = [
    ["", ["/metrics", "/version"]],
    ["/metrics", ["/version"]],
    ["all", []],
    ["/engines", ["/metrics", "/version"]],
    ["!/v1/models", ["/metrics", "/version", "/v1/models"]],
    ["!/engines", ["/metrics", "/version", "/engines"]],
    ["all,!/metrics", ["/metrics"]],
    ["!/metrics,all", []],
  ] as const;
  for (const [protect, open] of rows) {
    assertEquals(configOf({ flags: { ...KEYED, protect } }).doors.keys.open, open);
  }
});

Deno.test("resolveConfig() has no key and no certificate in it that was not given", () => {
  const { doors } = configOf({ flags: PAIR });
  assertEquals(doors, {
    keys: { given: [], open: ["/metrics", "/version"] },
    engineTls: {},
    allowLinkLocalEngines: false,
    notifications: { allow: [], maxPerAddress: 1024 },
    trustedProxies: [],
  });
});

Deno.test("resolveConfig() takes brackets off a server name", () => {
  const flags = { ...PAIR, "engine-tls-server-name": "[::1]" };
  assertEquals(configOf({ flags }).doors.engineTls, { serverName: "::1" });
});

Deno.test("resolveConfig() does not repeat a key in what it says", () => {
  const lines = [
    ...linesOf({ flags: { ...PAIR, "api-key": "sk-hush hush" } }),
    ...linesOf({ flags: PAIR, env: { PD_ROUTER_API_KEYS: "sk-hush\u00e9" } }),
    ...linesOf({ flags: PAIR, file: "api_key: {sk-hush: 1}" }),
    ...linesOf({ flags: { ...PAIR, "api-key": "" } }),
  ];
  assertEquals(lines, [
    "--api-key: a key holds characters that an HTTP header cannot",
    "PD_ROUTER_API_KEYS: a key holds characters that an HTTP header cannot",
    "api_key in pd.yaml: expected one value or a list of values",
    "--api-key: a key holds characters that an HTTP header cannot",
  ]);
});
