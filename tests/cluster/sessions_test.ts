import fc from "fast-check";
import { type Candidate, roundRobin, sessionAffinity } from "../../lib/selection/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { candidate, enginesOf, pickAsk, some } from "../selection/support.ts";

const ENGINES = Array.from({ length: 24 }, (_, index) => `e${index}`);

/** What one replica finds, one after the other: an engine comes, or goes where it is there. */
const FINDS = fc.array(fc.constantFrom(...ENGINES), { maxLength: 40 });

/** A replica that has found engines in the order of `finds`, and in the end those of `last`. */
function replica(
  finds: readonly string[],
  last: readonly string[],
): (session: string) => string {
  const policy = sessionAffinity(roundRobin());
  const there = new Map<string, Candidate>();
  const pick = (session: string): string => {
    const from = some([...there.values()]);
    return policy.pick(from, pickAsk({ session, universe: enginesOf(from) })).engine.id;
  };
  for (const id of finds) {
    if (!there.delete(id)) there.set(id, candidate(id));
    // It has sessions all the while: what it remembers of its ring must not matter.
    if (there.size > 0) pick(`early ${id}`);
  }
  for (const id of [...there.keys()]) if (!last.includes(id)) there.delete(id);
  for (const id of last) if (!there.has(id)) there.set(id, candidate(id));
  return pick;
}

Deno.test("replicas with the same engines agree on every session, in whatever order they found them", () => {
  const last = fc.uniqueArray(fc.constantFrom(...ENGINES), { minLength: 1 });
  fc.assert(
    fc.property(
      fc.array(FINDS, { minLength: 2, maxLength: 4 }),
      last.chain((ids) =>
        fc.tuple(fc.constant(ids), fc.shuffledSubarray(ids, { minLength: ids.length }))
      ),
      fc.array(fc.string(), { minLength: 1, maxLength: 20 }),
      (histories, [ids, shuffled], sessions) => {
        const replicas = histories.map((finds, at) =>
          replica(finds, at % 2 === 0 ? ids : shuffled)
        );
        for (const session of sessions) {
          const chosen = new Set(replicas.map((pick) => pick(session)));
          assertEquals(chosen.size, 1, `${session}: ${[...chosen]}`);
        }
      },
    ),
  );
});
