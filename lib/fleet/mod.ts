/**
 * Engines that live: where they come from, who is there, what health says, and what is under way.
 *
 * Knows nothing of bodies, or of how an engine is reached: it is given a way to ask for models.
 * @module
 */
export * from "./breaker.ts";
export * from "./broken_pairs.ts";
export { decideSplit, type SplitRules } from "./elastic_split.ts";
export * from "./engine_checks.ts";
export * from "./engine_fleet.ts";
export * from "./engine_health.ts";
export { ENGINE_STATES, type EngineState } from "./engine_lives.ts";
export * from "./engine_series.ts";
export * from "./engine_source.ts";
export * from "./engine_told.ts";
export * from "./facts_watch.ts";
export * from "./fleet.ts";
export * from "./fleet_options.ts";
export { FleetGossip, type FleetGossipDeps } from "./fleet_gossip.ts";
export * from "./flight.ts";
export * from "./group_watch.ts";
export * from "./health.ts";
export * from "./key_refusals.ts";
export { leastExpected } from "./kv_expected.ts";
export { type KvCause } from "./kv_cause.ts";
export * from "./kv_proof.ts";
export { type Lessons, lessonsOf } from "./lesson.ts";
export { missingOf } from "./missing.ts";
export { FleetWaits, type WaitLimits } from "./fleet_waits.ts";
export * from "./model_lookup.ts";
export * from "./load_watch.ts";
export * from "./model_watcher.ts";
export type { Elsewhere, Others } from "./others.ts";
export * from "./pair_fit.ts";
export { place, type Placement } from "./place.ts";
export * from "./request_stats.ts";
export * from "./seats.ts";
export * from "./role_differences.ts";
export type { SharedHealth, VerdictSharing } from "./shared_health.ts";
export * from "./sleep_watch.ts";
export * from "./role_watch.ts";
export * from "./view.ts";
