import { sha256 } from "../../lib/base/mod.ts";
import { isLoopback, problemText } from "../../lib/config/mod.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, problemsOf } from "./support.ts";

const LISTENS: readonly (readonly [text: string, host: string, port: number])[] = [
  ["127.0.0.1:8002", "127.0.0.1", 8002],
  ["localhost:0", "localhost", 0],
  ["[::1]:9", "::1", 9],
  ["8002", "127.0.0.1", 8002],
];

for (const [text, host, port] of LISTENS) {
  Deno.test(`adminOptions() listens on ${text}, which is of this machine alone`, () => {
    const { admin } = configOf({ flags: { ...FLEET, "admin-listen": text } });
    assertEquals(admin, { listen: { host, port }, loopback: true, keys: { given: [] } });
  });
}

for (
  const text of [
    "h",
    "h:",
    ":1",
    "h:70000",
    "[::1]",
    "::1:80",
    "[x]:1",
    "http://h:1",
    "h:1/x",
    "-1",
  ]
) {
  Deno.test(`adminProblems() refuses ${text}`, () => {
    const [problem] = problemsOf({ flags: { ...FLEET, "admin-listen": text } });
    assertEquals([problem?.key, problem?.value], ["--admin-listen", text]);
    assertStringIncludes(problem?.message ?? "", "such as 127.0.0.1:8002 or [::1]:8002");
  });
}

Deno.test("adminProblems() lets others reach it with a key alone, or where that is asked for", () => {
  const flags = { ...FLEET, "admin-listen": "0.0.0.0:8002" };
  const [problem] = problemsOf({ flags });
  assertStringIncludes(problem === undefined ? "" : problemText(problem), "add --admin-api-key");
  const open = configOf({ flags: { ...flags, "admin-insecure": "true" } }).admin;
  assertEquals([open?.loopback, open?.keys.given], [false, []]);
  const env = { PD_ROUTER_ADMIN_API_KEY: "one two" };
  assertEquals(configOf({ flags, env }).admin?.keys.given, [sha256("one"), sha256("two")]);
  const filed = configOf({ flags: { ...flags, "admin-api-keys-file": "/k" } }).admin;
  assertEquals(filed?.keys, { given: [], file: "/k" });
});

Deno.test("adminProblems() refuses keys without a listener, and those that no header can hold", () => {
  const texts = problemsOf({ flags: { ...FLEET, "admin-api-key": "k\u00fc" } }).map(problemText);
  assertEquals(texts.map((text) => text.split(":")[0]), ["--admin-api-key", "--admin-api-key"]);
});

Deno.test("resolveConfig() needs no engines where they can be added", () => {
  const { engines } = configOf({
    flags: { "routing-logic": "roundrobin", "admin-listen": "8002" },
  });
  assertEquals(engines, []);
});

Deno.test("isLoopback() knows names and addresses of this machine", () => {
  for (
    const host of ["localhost", "LocalHost.", "127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"]
  ) {
    assertEquals(isLoopback(host), true, host);
  }
  for (
    const host of [
      "0.0.0.0",
      "::",
      "10.0.0.1",
      "router",
      "127.0.0.1.example",
      "localhost.example",
      "",
    ]
  ) {
    assertEquals(isLoopback(host), false, host);
  }
});
