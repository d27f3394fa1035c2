import type { Role } from "../../lib/base/mod.ts";
import { isGivenUp } from "../../lib/fleet/patience.ts";
import { GOOD, type Verdict } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engine } from "./support.ts";

interface Other {
  readonly engine: ReturnType<typeof engine>;
  readonly verdict: Verdict;
  readonly asleep: boolean;
}

function other(role: Role, more: Partial<Omit<Other, "engine">> = {}, models = ["m"]): Other {
  return { engine: engine("b", models, { role }), verdict: GOOD, asleep: false, ...more };
}

function givenUp(role: Role, all: readonly Other[]): boolean {
  return isGivenUp({ engine: engine("a", ["m"], { role }), all });
}

Deno.test("isGivenUp() is true where another does the same, or serves all of it", () => {
  const rows: readonly (readonly [role: Role, other: Role, expected: boolean])[] = [
    ["prefill", "prefill", true],
    ["prefill", "decode", true],
    ["prefill", "any", true],
    ["decode", "prefill", false],
    ["decode", "decode", true],
    ["decode", "any", true],
    ["any", "any", true],
    ["any", "prefill", false],
  ];
  for (const [role, there, expected] of rows) {
    assertEquals(givenUp(role, [other(there)]), expected, `${role}, ${there}`);
  }
});

Deno.test("isGivenUp() counts on nobody who is gone around, leaves, sleeps, or serves something else", () => {
  const shut = { kind: "shut", why: "upstream-lost" } as const;
  assertEquals(givenUp("any", []), false);
  assertEquals(givenUp("any", [other("any", { verdict: shut })]), false);
  assertEquals(givenUp("any", [other("any", { verdict: { kind: "leaving" } })]), false);
  assertEquals(givenUp("any", [other("any", { asleep: true })]), false);
  assertEquals(givenUp("any", [other("any", {}, ["n"])]), false);
  assertEquals(givenUp("any", [other("any", { verdict: { kind: "probation" } })]), true);
});
