import fc from "fast-check";
import { leastInflight } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidate, candidates, pickAsk, picks } from "./support.ts";

Deno.test("leastInflight() takes the engine with the fewest requests, as they are when asked", () => {
  const policy = leastInflight();
  const all = candidates(3);
  for (const [at, inflight] of [2, 1, 3].entries()) Object.assign(all[at] ?? {}, { inflight });
  assertEquals(picks(policy, all, 2), ["e1", "e1"]);
  Object.assign(all[1] ?? {}, { inflight: 5 });
  assertEquals(picks(policy, all, 2), ["e0", "e0"]);
});

Deno.test("leastInflight() takes the first of equals", () => {
  const all = candidates(4);
  all[0].inflight = 1;
  assertEquals(picks(leastInflight(), all, 1), ["e1"]);
  for (const one of all) one.inflight = 7;
  assertEquals(picks(leastInflight(), all, 2), ["e0", "e0"]);
});

Deno.test("leastInflight() looks at the candidates alone, on every attempt and each side of a pair", () => {
  const busy = { ...candidate("x"), inflight: 9 };
  const peer = { candidate: candidate("idle"), among: 3 };
  assert(leastInflight().pick([busy], pickAsk({ attempt: 2, peer })) === busy);
});

Deno.test("leastInflight() never takes an engine with more requests than another", () => {
  const loads = fc.array(fc.nat(4), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(loads, (inflight) => {
      const all = candidates(inflight.length);
      for (const [at, one] of all.entries()) one.inflight = inflight[at] ?? 0;
      const least = inflight.indexOf(Math.min(...inflight));
      assertEquals(picks(leastInflight(), all, 1), [`e${least}`]);
    }),
    { seed: 2026, numRuns: 300 },
  );
});
