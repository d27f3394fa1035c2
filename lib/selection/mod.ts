/**
 * Which engine serves: candidates, policies over them, and the choice of a pair. Pure.
 *
 * Does no I/O and knows nothing of bodies or of the handoff's protocols.
 * @module
 */
export type { FullPair, NoPair } from "./able_pairs.ts";
export * from "./affinity.ts";
export * from "./candidate.ts";
export * from "./choose.ts";
export * from "./engine_stats.ts";
export * from "./group.ts";
export * from "./hash_ring.ts";
export * from "./kv_aware.ts";
export * from "./least_inflight.ts";
export * from "./least_loaded.ts";
export * from "./load.ts";
export * from "./pair_score.ts";
export * from "./policies.ts";
export * from "./policy.ts";
export * from "./power_of_two.ts";
export * from "./prefix_aware.ts";
export { type Met, PrefixExchange } from "./prefix_exchange.ts";
export type { PrefixRules } from "./prefix_held.ts";
export * from "./prefix_index.ts";
export * from "./prompt_facts.ts";
export * from "./room.ts";
export * from "./round_robin.ts";
export * from "./session.ts";
export * from "./slow_start.ts";
export type { Exclude } from "./standing.ts";
export * from "./topology.ts";
