/** The policies by the name of the routing logic that asks for them. @module */
import type { PolicyName, Routing } from "../config/mod.ts";
import { leastInflight } from "./least_inflight.ts";
import type { Policy } from "./policy.ts";
import { roundRobin } from "./round_robin.ts";
import { sessionAffinity } from "./session.ts";

/** One policy per kind of choice: they keep separate turns. */
export interface Policies {
  readonly prefill: Policy;
  readonly decode: Policy;
  readonly direct: Policy;
}

const POLICIES = {
  roundrobin: roundRobin,
  session: () => sessionAffinity(leastInflight()),
} as const satisfies Readonly<Record<PolicyName, () => Policy>>;

/** Fresh policies for every kind of choice. */
export function policiesFor({ kind }: Pick<Routing, "kind">): Policies {
  const make = POLICIES[kind];
  return { prefill: make(), decode: make(), direct: make() };
}
