import { seededRandom } from "../../lib/base/mod.ts";
import { leastLoaded, loadOf, powerOfTwo, requestsOf } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidate, candidates, counted, pickAsk, picks } from "./support.ts";

Deno.test("loadOf() grows with requests, prompt tokens, others' requests and a full KV cache", () => {
  const idle = candidate("e");
  const stats = { running: 3, waiting: 2, own: 0, readMs: 0 };
  const loads = [
    loadOf(idle),
    loadOf({ ...idle, promptTokens: 512 }),
    loadOf({ ...idle, inflight: 1 }),
    loadOf({ ...idle, stats }),
    loadOf({ ...idle, stats: { ...stats, kvUse: 0.8 } }),
    loadOf({ ...idle, stats: { ...stats, kvUse: 0.9 } }),
    loadOf({ ...idle, stats: { ...stats, kvUse: 1 } }),
  ];
  assertEquals(loads.map((load) => Math.round(load * 10) / 10), [0, 0.5, 1, 5, 5, 8, 11]);
});

Deno.test("requestsOf() counts requests that have a seat and are on their way", () => {
  const load = { seats: 3, maxSeats: 9, kvBytes: 0, buffer: undefined };
  const one = candidate("e");
  assertEquals(requestsOf({ ...one, inflight: 2, load }), 3);
  assertEquals(requestsOf({ ...one, inflight: 4, load }), 4);
  const stats = { running: 5, waiting: 1, own: 2, readMs: 0 };
  assertEquals(requestsOf({ ...one, inflight: 2, load, stats }), 7);
});

Deno.test("leastLoaded() takes the least loaded engine, the first among equals", () => {
  const all = candidates(3);
  all[0].inflight = 1;
  assertEquals(leastLoaded().pick(all, pickAsk()).engine.id, "e1");
});

Deno.test("powerOfTwo() takes the less loaded of any two engines, each pair as often", () => {
  const all = candidates(4);
  for (const [at, one] of all.entries()) one.inflight = at;
  const shares = counted(picks(powerOfTwo(seededRandom(7)), all, 12_000));
  // Of 6 pairs, 3 hold the least loaded, 2 others the next one, and one the third.
  assertEquals(shares["e3"], undefined);
  for (const [id, pairs] of [["e0", 3], ["e1", 2], ["e2", 1]] as const) {
    assert(Math.abs((shares[id] ?? 0) - 2_000 * pairs) < 250, JSON.stringify(shares));
  }
});

Deno.test("powerOfTwo() is even among engines that are alike", () => {
  const shares = counted(picks(powerOfTwo(seededRandom(3)), candidates(5), 10_000));
  for (const count of Object.values(shares)) assert(Math.abs(count - 2_000) < 200);
});
