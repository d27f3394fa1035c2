import { type Finding, OUTCOMES, worstOf } from "../../lib/doctor/finding.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("worstOf() is the worst of all, in any order", () => {
  const of = (outcome: Finding["outcome"]): Finding => ({
    check: "engines",
    outcome,
    subject: "",
    said: "",
  });
  assertEquals(worstOf([]), "ok");
  for (const [at, outcome] of OUTCOMES.entries()) {
    const some = OUTCOMES.slice(0, at + 1).map(of);
    assertEquals([worstOf(some), worstOf(some.toReversed())], [outcome, outcome]);
  }
});
