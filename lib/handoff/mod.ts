/**
 * The two legs of a handoff: the prefill, the wait for its KV, the decode, and what is made of both.
 *
 * Knows nothing of which engines are chosen, or of what is tried next.
 * @module
 */
export * from "./attempt.ts";
export * from "./deps.ts";
export * from "./handoff_parts.ts";
export * from "./p1.ts";
export * from "./onward.ts";
export * from "./engine_counters.ts";
export * from "./kv_sampler.ts";
export { type HandoffWatch, type KvWitness, UsageWitness } from "./kv_witness.ts";
export * from "./own_limits.ts";
export { longestPrefillMs } from "./prefill_wait.ts";
export * from "./prompt.ts";
export * from "./relay.ts";
