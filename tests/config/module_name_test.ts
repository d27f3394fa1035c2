import { moduleName, moduleProblem } from "../../lib/config/module_name.ts";
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { configOf, FLEET, linesOf } from "./support.ts";

Deno.test("moduleName() takes a file and an export of it", () => {
  const rows = [
    ["hooks.ts:callbacks", { file: "hooks.ts", name: "callbacks" }],
    ["/etc/a:b/hooks.mjs:$x", { file: "/etc/a:b/hooks.mjs", name: "$x" }],
    ["hooks.ts", undefined],
    ["hooks.ts:", undefined],
    ["hooks.ts:a b", undefined],
    ["my.module.handler", undefined],
    ["hooks.py:handler", undefined],
  ] as const;
  for (const [text, expected] of rows) {
    assertEquals(moduleName(text), expected, text);
    assertEquals(moduleProblem(text) === undefined, expected !== undefined, text);
  }
});

Deno.test("moduleProblem() says what to write, for Python too", () => {
  assertStringIncludes(moduleProblem("hooks.ts") ?? "", "hooks.ts:callbacks");
  assertStringIncludes(moduleProblem("my.module.handler") ?? "", "Python does not run here");
});

Deno.test("resolveConfig() has hooks where they are named, and only there", () => {
  assertEquals(configOf({ flags: FLEET }).hooks, undefined);
  assertEquals(configOf({ flags: { ...FLEET, "request-rewriter": "noop" } }).hooks, undefined);
  const flags = { ...FLEET, "callbacks": "a.ts:c", "request-rewriter": "b.js:r" };
  assertEquals(configOf({ flags: { ...flags, "callback-timeout": "0.5" } }).hooks, {
    callbacks: { file: "a.ts", name: "c" },
    rewriter: { file: "b.js", name: "r" },
    timeoutMs: 500,
  });
  const [line = ""] = linesOf({ flags: { ...FLEET, "request-rewriter": "other" } });
  assertStringIncludes(line, '--request-rewriter "other": expected FILE.ts:NAME');
});
