import fc from "fast-check";
import type { Side } from "../../lib/base/mod.ts";
import {
  decideSplit,
  firstSide,
  type LastMove,
  otherSide,
  pressureOf,
  type SideState,
  type SplitRules,
  type SplitView,
} from "../../lib/fleet/elastic_split.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RULES: SplitRules = { intervalMs: 30_000, minPrefill: 1, minDecode: 1 };

/** A side of engines that can all move, unless something else is said. */
function side(engines: number, demand: number, movable = engines): SideState {
  return { engines, movable, demand };
}

function decided(
  prefill: SideState,
  decode: SideState,
  rules: Partial<SplitRules> = {},
  last?: LastMove,
): string {
  const decision = decideSplit({ prefill, decode }, { ...RULES, ...rules }, last);
  return decision.kind === "stay" ? "stay" : `${decision.to} ${decision.why}`;
}

Deno.test("decideSplit() gives an engine to the side that has more to do", () => {
  const cases = [
    [side(4, 4), side(4, 1), "prefill load"],
    [side(4, 0.5), side(4, 4.5), "decode load"],
    // Nobody has too much to do, or both have.
    [side(4, 1), side(4, 2), "stay"],
    [side(4, 4), side(4, 4.2), "stay"],
    [side(4, 0), side(4, 0), "stay"],
    // The other side would have as much to do afterwards.
    [side(1, 0.9), side(2, 1.5), "stay"],
  ] as const;
  for (const [prefill, decode, expected] of cases) {
    assertEquals(decided(prefill, decode), expected, JSON.stringify([prefill, decode]));
  }
});

Deno.test("decideSplit() moves none that cannot, and none too soon", () => {
  const [prefill, decode] = [side(4, 4), side(4, 1)];
  assertEquals(decided(prefill, side(4, 1, 0)), "stay");
  assertEquals(decided(prefill, decode, {}, { to: "prefill", agoMs: 29_999 }), "stay");
  assertEquals(decided(prefill, decode, {}, { to: "prefill", agoMs: 30_000 }), "prefill load");
});

Deno.test("decideSplit() moves one back of late where that helps much", () => {
  const back = (demand: number, agoMs: number): string =>
    decided(side(2, demand), side(6, 1), {}, { to: "decode", agoMs });
  assertEquals([back(1.6, 299_999), back(1.6, 300_000)], ["prefill load", "prefill load"]);
  // A third engine of four is a quarter of what each has to do.
  const few = (agoMs: number): string =>
    decided(side(3, 2.4), side(5, 1), {}, { to: "decode", agoMs });
  assertEquals([few(299_999), few(300_000)], ["stay", "prefill load"]);
});

Deno.test("decideSplit() leaves each side what it keeps, and makes it up where it lacks", () => {
  assertEquals(decided(side(4, 9), side(2, 0), { minDecode: 2 }), "stay");
  assertEquals(decided(side(2, 0), side(4, 9), { minPrefill: 2 }), "stay");
  assertEquals(decided(side(0, 0), side(2, 0)), "prefill floor");
  assertEquals(decided(side(2, 0), side(0, 0)), "decode floor");
  // One engine alone serves whole requests.
  assertEquals(decided(side(0, 0), side(1, 0)), "stay");
  assertEquals(decided(side(1, 0), side(0, 0)), "decode floor");
  // One of the other side for good leaves it free.
  assertEquals(decided(side(0, 0), side(2, 0, 1)), "prefill floor");
  assertEquals(decided(side(0, 0, 0), side(2, 0, 0)), "stay");
});

/** Work for so many engines, and engines that can move. */
const WORLDS = fc.record({
  prefill: fc.double({ min: 0, max: 12, noNaN: true }),
  decode: fc.double({ min: 0, max: 12, noNaN: true }),
  prefills: fc.nat(8),
  decodes: fc.nat(8),
  minPrefill: fc.integer({ min: 0, max: 4 }),
  minDecode: fc.integer({ min: 1, max: 4 }),
});

type Counts = Record<Side, number>;

/** All moves of a world whose work stays as it is, one at each interval. */
function played(
  { prefill, decode, prefills, decodes, minPrefill, minDecode }: typeof WORLDS extends
    fc.Arbitrary<infer World> ? World : never,
  rounds: number,
): readonly (readonly [why: string, to: Side, before: Counts, after: Counts])[] {
  const counts: Counts = { prefill: prefills, decode: decodes };
  const moves: (readonly [string, Side, Counts, Counts])[] = [];
  for (let round = 0; round < rounds; round++) {
    const view: SplitView = {
      prefill: side(counts.prefill, prefill),
      decode: side(counts.decode, decode),
    };
    const decision = decideSplit(view, { ...RULES, minPrefill, minDecode }, undefined);
    if (decision.kind === "stay") continue;
    const before = { ...counts };
    counts[decision.to]++;
    counts[otherSide(decision.to)]--;
    moves.push([decision.why, decision.to, before, { ...counts }]);
  }
  return moves;
}

Deno.test("decideSplit() never takes an engine that a side keeps", () => {
  fc.assert(fc.property(WORLDS, (world) => {
    const least: Counts = { prefill: world.minPrefill, decode: world.minDecode };
    for (const [why, to, before, after] of played(world, 30)) {
      const from = otherSide(to);
      assert(after[from] >= 0);
      // Where there are too few for both, the decode side has them first.
      const owed = why === "floor" && to === "decode";
      assert(after[from] >= least[from] || owed, JSON.stringify({ why, to, before, after }));
    }
  }));
});

Deno.test("decideSplit() comes to rest under constant work, and never moves one back for load", () => {
  fc.assert(fc.property(WORLDS, (world) => {
    const moves = played(world, 60);
    assert(moves.length <= 16, `${moves.length} moves`);
    const forLoad = moves.filter(([why]) => why === "load").map(([, to]) => to);
    assert(new Set(forLoad).size <= 1, forLoad.join(" "));
  }));
});

Deno.test("decideSplit() leaves the busier side less to do by every move for load", () => {
  fc.assert(fc.property(WORLDS, (world) => {
    const worst = (counts: Counts): number =>
      Math.max(
        pressureOf("prefill", world.prefill, counts.prefill),
        pressureOf("decode", world.decode, counts.decode),
      );
    for (const [why, , before, after] of played(world, 30)) {
      if (why === "load") assert(worst(after) < worst(before));
    }
  }));
});

Deno.test("firstSide() makes sides of one size, of the decode side first", () => {
  const counts: Counts = { prefill: 0, decode: 0 };
  const sides = Array.from({ length: 5 }, () => {
    const first = firstSide(counts.prefill, counts.decode);
    counts[first]++;
    return first;
  });
  assertEquals(sides, ["decode", "prefill", "decode", "prefill", "decode"]);
  assertEquals(firstSide(0, 1), "prefill");
});
