/** The policies by the name of the routing logic that asks for them. @module */
import type { PolicyName, Routing } from "../config/mod.ts";
import { leastInflight } from "./least_inflight.ts";
import type { Policy } from "./policy.ts";
import { roundRobin } from "./round_robin.ts";
import { fleetRing, sessionAffinity } from "./session.ts";

/** One policy per kind of choice: they keep separate turns. */
export interface Policies {
  readonly prefill: Policy;
  readonly decode: Policy;
  readonly direct: Policy;
}

/** By name, how the policies of one router are made. */
const POLICIES = {
  roundrobin: () => roundRobin,
  session: () => {
    // One for all kinds: it is of the whole fleet, and large.
    const ringOf = fleetRing();
    return () => sessionAffinity(leastInflight(), ringOf);
  },
} as const satisfies Readonly<Record<PolicyName, () => () => Policy>>;

/** Fresh policies for every kind of choice. */
export function policiesFor({ kind }: Pick<Routing, "kind">): Policies {
  const make = POLICIES[kind]();
  return { prefill: make(), decode: make(), direct: make() };
}
