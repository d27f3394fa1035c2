import type { Candidate, Exclude, Verdict } from "../../lib/selection/mod.ts";
import { idleCandidate } from "../../lib/selection/mod.ts";
import { bestOf, EXCLUDED, isRoomy, marksOf, NEVER } from "../../lib/selection/standing.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { engine } from "./support.ts";

const SHUT: Verdict = { kind: "shut", why: "upstream-timeout", untilMs: 1 };
const SILENT: Verdict = { kind: "shut", why: "upstream-unreachable" };
const LEAVING: Verdict = { kind: "leaving" };

function candidate(id: string, more: Partial<Candidate> = {}): Candidate {
  return { ...idleCandidate(engine(id)), ...more };
}

function bestIds(
  from: readonly Candidate[],
  exclude: readonly Exclude[] = [],
  tokens?: number,
): readonly [ids: string, against: number] | undefined {
  const best = bestOf(from, marksOf(exclude), tokens);
  return best && [best.list.map(({ engine: { id } }) => id).join(""), best.against];
}

Deno.test("marksOf() has nothing against engines where nothing is excluded", () => {
  assertEquals([marksOf(undefined), marksOf([])], [undefined, undefined]);
});

Deno.test("marksOf() keeps the worst that is said of an engine", () => {
  const marks = marksOf([
    { id: "a", why: "failed" },
    { id: "b", why: "spoilt" },
    { id: "b", why: "tainted" },
    { id: "a", why: "tainted" },
  ]);
  assertEquals(marks, new Map([["a", EXCLUDED], ["b", NEVER]]));
});

Deno.test("bestOf() gives the list itself where all are alike", () => {
  const all = [candidate("a"), candidate("b")];
  const best = bestOf(all, undefined);
  assertEquals(best?.against, 0);
  assert(Object.is(best?.list, all));
});

Deno.test("bestOf() prefers in this order: good, shut for a while, silent, excluded", () => {
  const order = [
    candidate("g"),
    candidate("s", { verdict: SHUT }),
    candidate("x", { verdict: SILENT }),
    candidate("e"),
  ];
  const exclude = [{ id: "e", why: "failed" }] as const;
  const bests = [0, 1, 2, 3].map((from) => bestIds(order.slice(from).reverse(), exclude));
  assertEquals(bests, [["g", 0], ["s", 1], ["x", 3], ["e", EXCLUDED]]);
  assertEquals(bestIds([candidate("e", { verdict: SILENT })], exclude), ["e", EXCLUDED + 3]);
});

Deno.test("bestOf() keeps the order of those that are alike", () => {
  const shut = candidate("s", { verdict: SHUT });
  const found = bestIds([shut, candidate("a"), shut, candidate("b"), candidate("c")]);
  assertEquals(found, ["abc", 0]);
  assertEquals(bestIds([candidate("a"), shut, candidate("b")]), ["ab", 0]);
});

Deno.test("bestOf() finds nobody where all leave, are spoilt, too small, or none is there", () => {
  const buffer = { bytes: 1_000, bytesPerToken: 1, chunkTokens: 1 };
  const load = { seats: 0, maxSeats: 1, kvBytes: 0, buffer };
  assertEquals(bestIds([]), undefined);
  assertEquals(bestIds([candidate("a", { verdict: LEAVING })]), undefined);
  assertEquals(bestIds([candidate("a")], [{ id: "a", why: "spoilt" }]), undefined);
  assertEquals(bestIds([candidate("a", { load })], [], 1_001), undefined);
  assertEquals(bestIds([candidate("a", { load })], [], 1_000), ["a", 0]);
});

Deno.test("bestOf() takes those with room first, and says how many have", () => {
  const full = { seats: 2, maxSeats: 2, kvBytes: 0, buffer: undefined };
  const all = [candidate("a", { load: full }), candidate("b")];
  const some = bestOf(all, undefined, 0);
  assertEquals([some?.list.map(({ engine: { id } }) => id), some?.roomy], [["b"], 1]);
  const none = bestOf(all.slice(0, 1), undefined, 0);
  assertEquals([none?.list.length, none?.roomy], [1, 0]);
  assertEquals([some && isRoomy(some), none && isRoomy(none)], [true, false]);
  const unasked = bestOf(all, undefined);
  assertEquals([unasked?.list.length, unasked?.roomy], [2, undefined]);
});
