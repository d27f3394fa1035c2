import fc from "fast-check";
import { type Engine, hash32 } from "../../lib/base/mod.ts";
import {
  type Candidate,
  type Candidates,
  fleetRing,
  HashRing,
  type Policy,
  roundRobin,
  sessionAffinity,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, enginesOf, pickAsk, picks, some } from "./support.ts";

const KEYS = Array.from({ length: 3_000 }, (_, index) => `session-${index}`);

/** Where each key goes, of `from`, in a fleet of `universe`. */
function placed(
  policy: Policy,
  from: Candidates,
  universe: readonly Engine[] = enginesOf(from),
): ReadonlyMap<string, string> {
  return new Map(
    KEYS.map((session) => [session, policy.pick(from, pickAsk({ session, universe })).engine.id]),
  );
}

function without(all: Candidates, ...gone: readonly Candidate[]): Candidates {
  return some(all.filter((one) => !gone.includes(one)));
}

/** Counts how often it was brought up to date. */
class CountingRing extends HashRing {
  syncs = 0;
  override sync(urls: readonly string[]): void {
    this.syncs++;
    super.sync(urls);
  }
}

Deno.test("sessionAffinity() sends one key to one engine, in any instance", () => {
  const all = candidates(5);
  const policy = sessionAffinity(roundRobin());
  const first = placed(policy, all);
  assertEquals(placed(policy, all), first);
  assertEquals(placed(sessionAffinity(roundRobin()), all), first);
});

Deno.test("sessionAffinity() does not depend on the order of the candidates, nor of the fleet", () => {
  const all = candidates(5);
  const first = placed(sessionAffinity(roundRobin()), all);
  assertEquals(placed(sessionAffinity(roundRobin()), some(all.toReversed())), first);
  const mixed = enginesOf([3, 0, 4, 1, 2].flatMap((at) => all[at] ?? []));
  assertEquals(placed(sessionAffinity(roundRobin()), all, mixed), first);
});

Deno.test("sessionAffinity() maps keys alike in whatever order engines came and went", () => {
  const all = candidates(6);
  const last = some(all.slice(1, 5));
  const expected = placed(sessionAffinity(roundRobin()), last);
  fc.assert(
    fc.property(
      fc.array(fc.shuffledSubarray([...all], { minLength: 1 }), { maxLength: 5 }),
      (history) => {
        const policy = sessionAffinity(roundRobin());
        for (const fleet of history) picks(policy, some(fleet), 1, askIn(fleet));
        assertEquals(placed(policy, last), expected);
      },
    ),
    { seed: 2026, numRuns: 20 },
  );
});

function askIn(fleet: readonly Candidate[]): { universe: readonly Engine[]; session: string } {
  return { universe: enginesOf(fleet), session: "a" };
}

Deno.test("sessionAffinity() spreads keys over the engines", () => {
  const counts = new Map<string, number>();
  for (const id of placed(sessionAffinity(roundRobin()), candidates(5)).values()) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assertEquals(counts.size, 5);
  const fair = KEYS.length / 5;
  for (const [id, count] of counts) {
    assert(count > fair * 0.6 && count < fair * 1.4, `${id} has ${count} of ${KEYS.length}`);
  }
});

Deno.test("sessionAffinity() moves only the keys of an engine that leaves, and back when it returns", () => {
  const all = candidates(5);
  const policy = sessionAffinity(roundRobin());
  const before = placed(policy, all);
  for (const gone of all) {
    const after = placed(policy, without(all, gone));
    for (const [key, id] of before) {
      if (id === gone.engine.id) assert(after.get(key) !== id);
      else assertEquals(after.get(key), id);
    }
    // The leaving engine's keys go to more than one of the others.
    const heirs = KEYS.filter((key) => before.get(key) === gone.engine.id)
      .map((key) => after.get(key));
    assert(new Set(heirs).size > 1);
    assertEquals(placed(policy, all), before);
  }
});

Deno.test("sessionAffinity() moves about 1/N of the keys when one of N engines goes", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 10 }), fc.nat(), (count, chosen) => {
      const all = candidates(count);
      const gone = all[chosen % count] ?? all[0];
      const policy = sessionAffinity(roundRobin());
      const before = placed(policy, all);
      const after = placed(policy, without(all, gone));
      const moved = KEYS.filter((key) => before.get(key) !== after.get(key));
      assertEquals(moved.filter((key) => before.get(key) !== gone.engine.id), []);
      const fair = KEYS.length / count;
      assert(moved.length > fair * 0.6 && moved.length < fair * 1.4, `${moved.length} of ${count}`);
    }),
    { seed: 2026, numRuns: 30 },
  );
});

Deno.test("sessionAffinity() moves keys only to an engine that comes, and not too many", () => {
  const policy = sessionAffinity(roundRobin());
  const all = candidates(6);
  const coming = all.at(-1);
  assert(coming !== undefined);
  const before = placed(policy, without(all, coming));
  const after = placed(policy, all);
  const moved = KEYS.filter((key) => before.get(key) !== after.get(key));
  assertEquals(moved.filter((key) => after.get(key) !== coming.engine.id), []);
  assert(moved.length > 0 && moved.length < (KEYS.length / 6) * 1.4, `${moved.length} moved`);
});

Deno.test("sessionAffinity() takes the first candidate clockwise on the ring of the fleet", () => {
  const all = candidates(6);
  const universe = enginesOf(all);
  const points = universe
    .flatMap(({ url }) =>
      Array.from({ length: 128 }, (_, index) => ({ hash: hash32(`${url}#${index}`), url }))
    )
    .sort((a, b) => a.hash - b.hash);
  const policy = sessionAffinity(roundRobin());
  fc.assert(
    fc.property(fc.subarray([...all], { minLength: 1 }), fc.string(), (from, session) => {
      const urls = new Set(from.map(({ engine: { url } }) => url));
      const able = points.filter(({ url }) => urls.has(url));
      const expected = able.find(({ hash }) => hash >= hash32(session)) ?? able[0];
      const picked = policy.pick(some(from), pickAsk({ session, universe }));
      assertEquals(picked.engine.url, expected?.url);
    }),
    { seed: 2026, numRuns: 300 },
  );
});

Deno.test("sessionAffinity() sends the keys of an excluded engine to the next on the ring", () => {
  const all = candidates(5);
  const universe = enginesOf(all);
  const policy = sessionAffinity(roundRobin());
  const ring = new HashRing();
  ring.sync(universe.map(({ url }) => url));
  for (const session of KEYS.slice(0, 300)) {
    const ask = pickAsk({ session, universe });
    const first = policy.pick(all, ask);
    const second = policy.pick(without(all, first), { ...ask, attempt: 2 });
    const next = ring.find(hash32(session), (url) => url !== first.engine.url);
    assertEquals(second.engine.url, next);
    assert(policy.pick(all, ask) === first, "it has its keys again");
  }
});

Deno.test("sessionAffinity() neither builds the ring again nor moves keys as candidates alternate", () => {
  const ring = new CountingRing();
  const policy = sessionAffinity(roundRobin(), fleetRing(ring));
  const all = candidates(6);
  const universe = enginesOf(all);
  const sets = [all, some(all.slice(1)), some(all.slice(0, 3)), some([...all])];
  const places = sets.map((from) => placed(policy, from, universe));
  for (const session of KEYS) {
    const ids = sets.map((from) => policy.pick(from, pickAsk({ session, universe })).engine.id);
    assertEquals(ids, places.map((place) => place.get(session)));
    for (const [at, from] of sets.entries()) {
      const of = ids[0] ?? "";
      if (from.some(({ engine: { id } }) => id === of)) assertEquals(ids[at], of);
    }
  }
  assertEquals(ring.syncs, 1);
  assertEquals(ring.size, 6);
});

Deno.test("sessionAffinity() brings the ring up to date when the fleet is another, once", () => {
  const ring = new CountingRing();
  const policy = sessionAffinity(roundRobin(), fleetRing(ring));
  const all = candidates(3);
  for (const fleet of [all, without(all, all[0]), all]) {
    const universe = enginesOf(fleet);
    picks(policy, fleet, 5, { session: "a", universe });
    assertEquals(ring.size, fleet.length);
  }
  assertEquals(ring.syncs, 3);
});

Deno.test("fleetRing() is one ring for all who ask with the same fleet", () => {
  const ring = new CountingRing();
  const ringOf = fleetRing(ring);
  const all = candidates(4);
  const universe = enginesOf(all);
  const policies = [0, 1, 2].map(() => sessionAffinity(roundRobin(), ringOf));
  const [first, ...others] = policies.map((policy) => placed(policy, all, universe));
  for (const other of others) assertEquals(other, first);
  assertEquals(ring.syncs, 1);
});

Deno.test("sessionAffinity() keeps models apart, however their requests mix", () => {
  const policy = sessionAffinity(roundRobin());
  const m = candidates(5);
  const n = some(m.slice(0, 2));
  const universe = enginesOf(m);
  const alone = placed(sessionAffinity(roundRobin()), m);
  for (const [session, id] of alone) {
    assert(n.includes(policy.pick(n, pickAsk({ model: "n", session, universe }))));
    assertEquals(policy.pick(m, pickAsk({ session, universe })).engine.id, id);
  }
});

Deno.test("sessionAffinity() leaves requests without a key to its fallback", () => {
  const policy = sessionAffinity(roundRobin());
  const all = candidates(3);
  assertEquals(picks(policy, all, 4), ["e0", "e1", "e2", "e0"]);
  picks(policy, all, 1, { session: "a", universe: enginesOf(all) });
  assertEquals(picks(policy, all, 1), ["e1"]);
});

Deno.test("sessionAffinity() has its fallback forget an engine that has gone", () => {
  const forgotten: string[] = [];
  const fallback = { ...roundRobin(), forget: (id: string) => void forgotten.push(id) };
  sessionAffinity(fallback).forget?.("a");
  assertEquals(forgotten, ["a"]);
  sessionAffinity(roundRobin()).forget?.("a");
});

Deno.test("sessionAffinity() takes any text as a key", () => {
  const policy = sessionAffinity(roundRobin());
  const all = candidates(4);
  const universe = enginesOf(all);
  for (const session of ["", " ", "é世😀", "\ud800", "x".repeat(10_000), "a\nb"]) {
    const picked = policy.pick(all, pickAsk({ session, universe }));
    assert(all.some((one) => one === picked));
    assert(policy.pick(all, pickAsk({ session, universe })) === picked);
  }
});

Deno.test("sessionAffinity() takes a candidate even where the fleet has none of them", () => {
  const all = candidates(2);
  const universe = enginesOf(candidates(3, "any", "x"));
  assert(sessionAffinity(roundRobin()).pick(all, pickAsk({ session: "a", universe })) === all[0]);
});
