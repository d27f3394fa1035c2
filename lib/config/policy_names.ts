/** The policies that choose engines, by the names that `--routing-logic` takes. @module */

/** All of them; `lib/selection/policies.ts` has one of each. */
export const POLICY_NAMES = ["roundrobin", "session"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];
