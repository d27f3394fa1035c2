/**
 * What routers that stand beside one another tell each other: how much is under way, what is held against
 * engines, and what has been used of limits.
 *
 * Knows nothing of what carries it, be it a socket between processes or a broker between hosts.
 * @module
 */
export { type Bus, isPeerId, type PeerId } from "./bus.ts";
export { Counts } from "./counts.ts";
export { EngineSum, EngineSums } from "./engine_sums.ts";
export type { EngineLoad, KeyUse } from "./entries.ts";
export { Gossip, type GossipDeps, type GossipStats, SILENT_MS } from "./gossip.ts";
export { TELL_MS, tellMs, urgentMs } from "./pace.ts";
export type { Hearing, Shared } from "./peer_table.ts";
export { placeOf, rankOf } from "./rank.ts";
export type { Telling } from "./teller.ts";
export { isLater, type ShutTold, type TrialTold, type VerdictTold } from "./verdict.ts";
