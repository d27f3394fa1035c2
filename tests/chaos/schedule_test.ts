import { FAULT_KINDS } from "../../scripts/chaos/faults.ts";
import { PROTOCOLS } from "../../scripts/chaos/options.ts";
import { type ScheduledFault, scheduleFaults } from "../../scripts/chaos/schedule.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";

const SHAPE = { seed: 3, prefills: 2, decodes: 3, workers: 2, protocol: "lmcache" } as const;
const HOUR_MS = 3_600_000;

/** What can be compared of a fault. */
function plain({ kind, ...more }: ScheduledFault): unknown {
  return { kind: kind.name, ...more };
}

Deno.test("scheduleFaults() follows from its seed", () => {
  const faults = scheduleFaults(SHAPE, 60_000).map(plain);
  assert(faults.length > 30, `${faults.length} faults in a minute`);
  assertEquals(scheduleFaults(SHAPE, 60_000).map(plain), faults);
  assertNotEquals(scheduleFaults({ ...SHAPE, seed: 4 }, 60_000).map(plain), faults);
});

Deno.test("scheduleFaults() ends every fault in time, and names engines that there are", () => {
  const counts = { prefill: 2, decode: 3, any: 5 };
  let before = 0;
  for (const { kind, atMs, forMs, target } of scheduleFaults(SHAPE, HOUR_MS)) {
    assert(atMs >= before && atMs + forMs <= HOUR_MS);
    assert(target >= 0 && target < counts[kind.on]);
    before = atMs;
  }
});

for (const protocol of PROTOCOLS) {
  Deno.test(`scheduleFaults() has every kind of fault that ${protocol} can have`, () => {
    const names = new Set(
      scheduleFaults({ ...SHAPE, protocol }, HOUR_MS).map(({ kind }) => kind.name),
    );
    const able = FAULT_KINDS.filter(({ protocols = PROTOCOLS }) => protocols.includes(protocol));
    assertEquals([...names].sort(), able.map(({ name }) => name).sort());
  });
}

Deno.test("scheduleFaults() kills no process of a router that has but one", () => {
  const faults = scheduleFaults({ ...SHAPE, workers: 1 }, HOUR_MS);
  assertEquals(faults.filter(({ kind }) => kind.several === true), []);
});
