/** The policies that choose engines, by the names that flags take. @module */

/** Policies that choose one engine among several, for whole requests and for a side of a handoff. */
export const ROUTING_POLICIES = [
  "roundrobin",
  "session",
  "prefixaware",
  "kvaware",
  "least_loaded",
  "power_of_two",
] as const;

/** All of them; `lib/selection/policies.ts` has one of each. `pair_score` looks at both sides of a handoff. */
export const POLICY_NAMES = [...ROUTING_POLICIES, "pair_score"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** Policies that look at the session of a request. */
export const SESSION_POLICIES: ReadonlySet<PolicyName> = new Set(["session", "kvaware"]);

/** Policies that remember which engine has met which beginnings of prompts. */
export const PREFIX_POLICIES: ReadonlySet<PolicyName> = new Set(["prefixaware", "pair_score"]);
