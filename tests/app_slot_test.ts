import { policiesOf, Slot, timeoutsOf } from "../lib/app_slot.ts";
import type { Timeouts } from "../lib/config/mod.ts";
import { policiesFor } from "../lib/selection/mod.ts";
import { assert, assertEquals } from "./support/assert.ts";

Deno.test("Slot.set() builds anew where what it is built of is another, and gives what was there", () => {
  let built = 0;
  const slot = new Slot({ a: 1, b: new Map([["x", 1]]) }, ({ a }) => `${a}:${built++}`);
  assertEquals(slot.set({ a: 1, b: new Map([["x", 1]]) }), undefined);
  assertEquals([slot.part, slot.set({ a: 1, b: new Map([["x", 2]]) })], ["1:0", "1:0"]);
  assertEquals([slot.part, built], ["1:1", 2]);
});

Deno.test("policiesOf() and timeoutsOf() give what is in force, to whoever took them before", () => {
  let policies = policiesFor({ kind: "roundrobin" });
  const held = policiesOf(() => policies);
  assert(held.direct === policies.direct && held.prefill === policies.prefill);
  policies = policiesFor({ kind: "least_loaded" });
  assert(held.direct === policies.direct);
  // Whoever goes over all of them finds these.
  assertEquals(Object.values(held), [policies.prefill, policies.decode, policies.direct]);
  let timeouts: Timeouts = {
    connectMs: 1,
    tokenizeMs: 2,
    prefillMs: 3,
    prefillMsPerToken: 4,
    firstByteMs: 5,
    wholeAnswerMs: 6,
    streamIdleMs: 7,
  };
  const waits = timeoutsOf(() => timeouts);
  assertEquals({ ...waits }, timeouts);
  timeouts = { ...timeouts, connectMs: 8, streamIdleMs: 9 };
  assertEquals([waits.connectMs, waits.streamIdleMs], [8, 9]);
});
