/** Sticky sessions: requests of one session meet one engine. @module */
import type { Engine } from "../base/mod.ts";
import { hash32, HashRing } from "./hash_ring.ts";
import type { Candidates, Policy } from "./policy.ts";

/**
 * Same key, same engine; requests without a key go by `fallback`. The ring holds the whole fleet, so
 * that who is a candidate for one request moves no other's place: the first candidate clockwise is
 * taken.
 */
export function sessionAffinity(fallback: Policy): Policy {
  const ring = new HashRing();
  let universe: readonly Engine[] | undefined;
  const accepted = new WeakMap<Candidates, Map<string, Candidates[number]>>();
  const byUrl = (from: Candidates): ReadonlyMap<string, Candidates[number]> => {
    let known = accepted.get(from);
    if (known === undefined) {
      known = new Map(from.map((candidate) => [candidate.engine.url, candidate]));
      accepted.set(from, known);
    }
    return known;
  };
  return {
    pick(from, ask) {
      if (ask.session === undefined) return fallback.pick(from, ask);
      if (ask.universe !== universe) {
        universe = ask.universe;
        ring.sync(universe.map(({ url }) => url));
      }
      const known = byUrl(from);
      const url = ring.find(hash32(ask.session), (owner) => known.has(owner));
      return known.get(url ?? "") ?? from[0];
    },
    forget: (id) => fallback.forget?.(id),
  };
}
