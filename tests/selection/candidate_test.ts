import { GOOD, idleCandidate } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine } from "./support.ts";

Deno.test("idleCandidate() knows nothing of an engine but its record", () => {
  const record = engine("a", "decode");
  const idle = idleCandidate(record);
  assert(idle.engine === record);
  assertEquals([idle.inflight, idle.verdict], [0, GOOD]);
});

Deno.test("GOOD speaks against nobody, and cannot be changed", () => {
  assertEquals(GOOD, { kind: "good" });
  assert(Object.isFrozen(GOOD));
});
