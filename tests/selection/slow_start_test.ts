import fc from "fast-check";
import { seededRandom } from "../../lib/base/mod.ts";
import { POLICY_NAMES } from "../../lib/config/mod.ts";
import {
  chooseDirect,
  choosePair,
  ModelGroup,
  policiesFor,
  type Policy,
  shareAfter,
  SlowStart,
} from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidate, candidates, SHUT, takes, type TestCandidate } from "./support.ts";

const MS = 10_000;

/** How many of `count` choices each engine gets, each request being over before the next. */
function served(
  all: readonly TestCandidate[],
  slow: SlowStart,
  options: {
    readonly nowMs: number;
    readonly count: number;
    readonly kind?: Policy | string;
    readonly session?: (index: number) => string;
    /** Requests stay under way for so many choices. */
    readonly stay?: number;
  },
): ReadonlyMap<string, number> {
  const { nowMs, count, kind = "roundrobin", session, stay = 0 } = options;
  const policies = policiesFor({ kind: kind as "roundrobin" }, { random: seededRandom(5) });
  const group = new ModelGroup(all, "m");
  const universe = all.map(({ engine }) => engine);
  const counts = new Map(all.map(({ engine: { id } }) => [id, 0]));
  const running: TestCandidate[] = [];
  for (let index = 0; index < count; index++) {
    const chosen = chooseDirect(group, policies, {
      model: "m",
      attempt: 1,
      universe,
      session: session?.(index),
      sieve: slow.at(nowMs),
    });
    assert(chosen !== undefined, "nobody was chosen");
    counts.set(chosen.id, (counts.get(chosen.id) ?? 0) + 1);
    const one = all.find(({ engine }) => engine.id === chosen.id);
    if (one !== undefined && stay > 0) {
      running.push(one);
      one.inflight++;
    }
    if (running.length > stay) {
      const ended = running.shift();
      if (ended !== undefined) ended.inflight--;
    }
  }
  return counts;
}

Deno.test("shareAfter() grows from a tenth to all", () => {
  assertEquals([0, 500, 1_000, 5_000, 10_000, 99_999].map((at) => shareAfter(at, MS)), [
    0.1,
    0.1,
    0.1,
    0.5,
    1,
    1,
  ]);
  assertEquals(shareAfter(0, 0), 1);
});

for (const kind of POLICY_NAMES) {
  Deno.test(`SlowStart gives an engine ever more of its share, with ${kind}`, () => {
    let before = -1;
    for (const nowMs of [0, 3_000, 6_000, 9_000]) {
      const slow = new SlowStart(MS);
      slow.begin("e3", 0);
      const all = candidates(4);
      const count = 4_000;
      const got = served(all, slow, { nowMs, count, kind, stay: 40 }).get("e3") ?? 0;
      const share = slow.shareOf("e3", nowMs);
      const most = count * share / (3 + share);
      assert(got <= most + 3, `${got} of ${most} at ${nowMs}`);
      assert(got >= 0.8 * most, `${got} of ${most} at ${nowMs}`);
      assert(got > before);
      before = got;
    }
  });
}

Deno.test("SlowStart leaves an idle engine to others, though it has least to do", () => {
  const slow = new SlowStart(MS);
  slow.begin("e0", 0);
  const all = candidates(4);
  for (const one of all.slice(1)) one.inflight = 100;
  const got = served(all, slow, { nowMs: 0, count: 320, kind: "least_loaded" }).get("e0");
  assertEquals(got, 10);
});

Deno.test("SlowStart moves sessions to their engine one by one, and none back", () => {
  const sessions = Array.from({ length: 400 }, (_, index) => `session ${index}`);
  let before = new Set<string>();
  for (let nowMs = 0; nowMs <= MS; nowMs += 500) {
    const slow = new SlowStart(MS);
    slow.begin("e2", 0);
    if (nowMs === MS) slow.end("e2");
    const moved = new Set<string>();
    for (const session of sessions) {
      const options = { nowMs, count: 1, kind: "session", session: () => session };
      if (served(candidates(4), slow, options).get("e2") === 1) moved.add(session);
    }
    assert(before.isSubsetOf(moved), `at ${nowMs}`);
    before = moved;
  }
  assert(before.size > 50);
});

Deno.test("SlowStart never leaves a request without an engine", () => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.subarray([0, 1, 2, 3, 4, 5]),
    fc.array(fc.constantFrom("good", "good", "shut", "full"), { minLength: 6, maxLength: 6 }),
    fc.constantFrom(...POLICY_NAMES),
    fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
    fc.integer({ min: 0, max: MS }),
    (size, starting, states, kind, session, nowMs) => {
      const all = candidates(size);
      const slow = new SlowStart(MS);
      for (const at of starting) slow.begin(`e${at}`, 0);
      for (const [at, one] of all.entries()) {
        if (states[at] === "shut") one.verdict = SHUT;
        const seats = states[at] === "full" ? 1 : 0;
        one.load = { seats, maxSeats: 1, kvBytes: 0, buffer: undefined };
      }
      const policies = policiesFor({ kind });
      const universe = all.map(({ engine }) => engine);
      const ask = { model: "m", attempt: 1, universe, session, tokens: 0 };
      const group = new ModelGroup(all, "m");
      for (let turn = 0; turn < 20; turn++) {
        const plain = chooseDirect(group, policies, ask);
        const sifted = chooseDirect(group, policies, { ...ask, sieve: slow.at(nowMs) });
        assertEquals(sifted === undefined, plain === undefined);
      }
    },
  ));
});

Deno.test("SlowStart serves with those that are starting where others have no room", () => {
  const slow = new SlowStart(MS);
  slow.begin("e1", 0);
  const all = candidates(2);
  for (const [at, one] of all.entries()) {
    one.load = { seats: at === 0 ? 1 : 0, maxSeats: 1, kvBytes: 0, buffer: undefined };
  }
  const policies = policiesFor({ kind: "roundrobin" });
  const group = new ModelGroup(all, "m");
  const ask = { model: "m", attempt: 1, universe: [], tokens: 0, sieve: slow.at(0) };
  for (let turn = 0; turn < 10; turn++) {
    assertEquals(chooseDirect(group, policies, ask)?.id, "e1");
  }
  // It was never looked at among others: it owes nothing for that.
  for (const one of all) delete one.load;
  const got = served(all, slow, { nowMs: 9_000, count: 100 }).get("e1") ?? 0;
  assert(got >= 45 && got <= 49, `${got}`);
});

Deno.test("SlowStart gives all their shares where all are starting", () => {
  const slow = new SlowStart(MS);
  for (const [at, id] of ["e0", "e1", "e2"].entries()) slow.begin(id, at * 4_000);
  for (const kind of POLICY_NAMES) {
    const got = served(candidates(3), slow, { nowMs: 9_000, count: 1_500, kind, stay: 9 });
    const shares = ["e0", "e1", "e2"].map((id) => (got.get(id) ?? 0) / 1_500);
    for (const [at, expected] of [0.6, 1 / 3, 0.1 / 1.5].entries()) {
      assert(Math.abs((shares[at] ?? 0) - expected) < 0.03, `${kind}: ${shares}`);
    }
  }
});

Deno.test("SlowStart.at() is undefined while nobody starts, and where engines have all at once", () => {
  const slow = new SlowStart(MS);
  assertEquals([slow.at(0), slow.size, slow.shareOf("e0", 0)], [undefined, 0, 1]);
  assertEquals(slow.begin("e0", 0), true);
  assertEquals([slow.at(0) === undefined, slow.shareOf("e0", 5_000)], [false, 0.5]);
  slow.end("e0");
  assertEquals(slow.at(0), undefined);
  const off = new SlowStart(0);
  assertEquals([off.begin("e0", 0), off.at(0)], [false, undefined]);
});

for (const kind of POLICY_NAMES) {
  Deno.test(`choosePair() gives engines of both sides their shares, with ${kind}`, () => {
    const slow = new SlowStart(MS);
    slow.begin("p0", 0);
    slow.begin("d0", 0);
    const all = [...candidates(3, "decode", "d"), ...candidates(3, "prefill", "p")];
    const group = new ModelGroup(all, "m");
    const policies = policiesFor({ kind });
    const universe = all.map(({ engine }) => engine);
    const counts = new Map<string, number>();
    for (let index = 0; index < 3_000; index++) {
      const ask = { model: "m", attempt: 1, universe, takes, sieve: slow.at(5_000) };
      const choice = choosePair(group, policies, ask);
      assert(choice.kind === "pair");
      for (const { id } of Object.values(choice.pair)) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    for (const id of ["p0", "d0"]) {
      const got = counts.get(id) ?? 0;
      // Without anything to do, those that go by load take the first of all whenever it may be taken.
      assert(got <= 603 && got >= 480, `${id}: ${got}`);
    }
  });
}

Deno.test("choosePair() takes an engine that is starting where all pairs of others are shut", () => {
  const slow = new SlowStart(MS);
  slow.begin("d1", 0);
  const all = [candidate("d0", "decode"), candidate("d1", "decode"), candidate("p0", "prefill")];
  const group = new ModelGroup(all, "m");
  const policies = policiesFor({ kind: "roundrobin" });
  for (let turn = 0; turn < 20; turn++) {
    const choice = choosePair(group, policies, {
      model: "m",
      attempt: 1,
      universe: [],
      takes,
      sieve: slow.at(0),
      pairVerdict: (_, { id }) => id === "d0" ? SHUT : { kind: "good" },
    });
    assert(choice.kind === "pair");
    assertEquals([choice.pair.decode.id, choice.shut], ["d1", undefined]);
  }
});
