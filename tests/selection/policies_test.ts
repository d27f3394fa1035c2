import { type Candidates, policiesFor } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { candidates, enginesOf, pickAsk, picks } from "./support.ts";

const KINDS = ["prefill", "decode", "direct"] as const;

function busy(): Candidates {
  const all = candidates(3);
  for (const [at, inflight] of [2, 1, 0].entries()) Object.assign(all[at] ?? {}, { inflight });
  return all;
}

Deno.test("policiesFor() roundrobin takes turns, whatever engines do and whose request it is", () => {
  const policies = policiesFor({ kind: "roundrobin" });
  const all = busy();
  const ask = { session: "a", universe: enginesOf(all) };
  for (const kind of KINDS) {
    // Each kind of choice begins where it would without the others.
    assertEquals(picks(policies[kind], all, 4, ask), ["e0", "e1", "e2", "e0"]);
  }
});

Deno.test("policiesFor() session keeps a key where it is, and else takes the least busy engine", () => {
  const policies = policiesFor({ kind: "session" });
  const all = busy();
  const universe = enginesOf(all);
  for (const kind of KINDS) {
    assertEquals(picks(policies[kind], all, 2, { universe }), ["e2", "e2"]);
    for (const session of ["a", "b", "c", "d"]) {
      const [first, second] = picks(policies[kind], all, 2, { session, universe });
      assertEquals(first, second);
      const elsewhere = policiesFor({ kind: "session" })[kind];
      assertEquals(elsewhere.pick(all, pickAsk({ session, universe })).engine.id, first);
    }
  }
  const keys = Array.from({ length: 50 }, (_, index) => `${index}`);
  const met = keys.flatMap((session) => picks(policies.direct, all, 1, { session, universe }));
  assertEquals([...new Set(met)].sort(), ["e0", "e1", "e2"]);
});

Deno.test("policiesFor() gives every router policies of its own", () => {
  const [one, other] = [policiesFor({ kind: "roundrobin" }), policiesFor({ kind: "roundrobin" })];
  const all = candidates(2);
  assertEquals(picks(one.decode, all, 1), ["e0"]);
  assertEquals(picks(other.decode, all, 1), ["e0"]);
  assert(one.decode !== one.prefill);
});
