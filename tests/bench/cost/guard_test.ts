import { CHECKS, verdictLine, verdictOn } from "../../../scripts/bench/cost/guard_checks.ts";
import { assertEquals } from "../../support/assert.ts";

const { most } = CHECKS.event;

Deno.test("verdictOn() lets through what was within the limit once", () => {
  assertEquals(verdictOn("event", [most]), { ratio: most, passed: true });
  assertEquals(verdictOn("event", [most + 1, 1, most + 2]), { ratio: 1, passed: true });
});

Deno.test("verdictOn() fails what was above it each time, or could not be told", () => {
  assertEquals(verdictOn("event", [most + 2, most + 1]), { ratio: most + 1, passed: false });
  assertEquals(verdictOn("event", [NaN]), { ratio: Infinity, passed: false });
});

Deno.test("verdictLine() names the check, the ratio and the limit", () => {
  const line = verdictLine("event", { ratio: 1.234, passed: true });
  assertEquals(line, `ok     event: 1.23, at most ${most} (${CHECKS.event.what})`);
});
