import fc from "fast-check";
import { prefillDemand, servingDemand, Smoothed } from "../../lib/fleet/demand.ts";
import type { Candidate } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidate } from "../selection/support.ts";

/** A candidate with this much to do. */
function busy(more: Partial<Candidate>): Candidate {
  return { ...candidate("e", "prefill", "nixl"), ...more };
}

function near(actual: number, expected: number): void {
  assert(Math.abs(actual - expected) < 0.02, `${actual} is not ${expected}`);
}

Deno.test("prefillDemand() tells from the queue for how much of the time engines are busy", () => {
  assertEquals(prefillDemand([]), 0);
  assertEquals(prefillDemand([busy({}), busy({})]), 0);
  // A share of 0.5 has 0.75 jobs, one of 0.8 has 2.4, as queues of even service do.
  for (const [share, jobs] of [[0.5, 3], [0.8, 9.6]] as const) {
    const engines = Array.from({ length: 4 }, () => busy({ inflight: jobs / 4 }));
    near(prefillDemand(engines) - engines.length * (jobs / 4 / 32), share * 4);
  }
});

Deno.test("prefillDemand() counts prompts by what is to be computed of them", () => {
  const of = (inflight: number, promptTokens: number): number =>
    prefillDemand([busy({ inflight, promptTokens })]);
  // A hundred short prompts are one step, and a long one is one job.
  assertEquals(of(100, 4_000), of(1, 8_192));
  assertEquals(of(1, 60_000), of(1, 8_192));
  // Streams that an engine had before it came to this side are no prompts.
  assertEquals(of(30, 0), 0);
  const stats = { running: 3, waiting: 2, own: 1, readMs: 0 };
  assert(prefillDemand([busy({ inflight: 1, promptTokens: 9, stats })]) > of(4, 40_000));
});

Deno.test("prefillDemand() has no bound: what piles up is to be worked off", () => {
  const few = prefillDemand([busy({ inflight: 20 })]);
  const many = prefillDemand([busy({ inflight: 200 })]);
  assert(few < 2 && many > 5, `${few} ${many}`);
});

Deno.test("servingDemand() is the share of seats, or of KV caches, that is taken", () => {
  const load = { seats: 0, maxSeats: 64, kvBytes: 0, buffer: undefined };
  assertEquals(servingDemand([]), 0);
  assertEquals(servingDemand([busy({ inflight: 16, load }), busy({ inflight: 32, load })]), 0.75);
  assertEquals(servingDemand([busy({ inflight: 64 })]), 0.25);
  assertEquals(
    servingDemand([busy({ inflight: 64, load: { ...load, maxSeats: Infinity } })]),
    0.25,
  );
  const stats = { running: 0, waiting: 0, own: 0, readMs: 0, kvUse: 0.9 };
  assertEquals(servingDemand([busy({ inflight: 16, load, stats })]), 0.9);
});

Deno.test("Smoothed comes to what stays, and forgets what was", () => {
  const smoothed = new Smoothed(10_000);
  assertEquals(smoothed.value, 0);
  for (let second = 0; second <= 60; second++) smoothed.add(4, second * 1_000);
  near(smoothed.value, 4);
  smoothed.add(0, 70_000);
  near(smoothed.value, 4 / Math.E);
});

Deno.test("Smoothed never leaves what it was told", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.double({ min: 0, max: 9, noNaN: true }), fc.nat(9_999)), { minLength: 1 }),
    (steps) => {
      const smoothed = new Smoothed(1_000);
      let nowMs = 0;
      const most = Math.max(...steps.map(([value]) => value));
      for (const [value, ms] of steps) smoothed.add(value, nowMs += ms);
      assert(smoothed.value >= 0 && smoothed.value <= most + 1e-9);
    },
  ));
});
