/** Sticky sessions: requests of one session meet one engine. @module */
import { type Engine, hash32 } from "../base/mod.ts";
import type { Candidate } from "./candidate.ts";
import { HashRing } from "./hash_ring.ts";
import type { Policy } from "./policy.ts";

/** The ring of a fleet: the same as long as the fleet is the same array. */
export type RingOf = (universe: readonly Engine[]) => Pick<HashRing, "find">;

/** One ring for all who ask with the same fleet; what has changed is brought up to date when asked. */
export function fleetRing(ring: HashRing = new HashRing()): RingOf {
  let known: readonly Engine[] | undefined;
  return (universe) => {
    if (universe !== known) {
      known = universe;
      ring.sync(universe.map(({ url }) => url));
    }
    return ring;
  };
}

/**
 * Same key, same engine; requests without a key go by `fallback`. The ring holds the whole fleet, so
 * that who is a candidate for one request moves no other's place: the first candidate clockwise is
 * taken.
 */
export function sessionAffinity(fallback: Policy, ringOf: RingOf = fleetRing()): Policy {
  return {
    sticky: true,
    pick(from, ask) {
      if (ask.session === undefined) return fallback.pick(from, ask);
      const ring = ringOf(ask.universe);
      // A look at each: many a list is of one request alone, and not worth an index.
      const at = (url: string): Candidate | undefined => from.find((one) => one.engine.url === url);
      const owner = ring.find(hash32(ask.session), (url) => at(url) !== undefined);
      return (owner === undefined ? undefined : at(owner)) ?? from[0];
    },
    forget: (id) => fallback.forget?.(id),
  };
}
