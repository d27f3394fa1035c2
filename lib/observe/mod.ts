/**
 * Where the time of requests went: phases, what is kept of recent requests, and how it is told.
 *
 * Knows nothing of HTTP, nor of who looks.
 * @module
 */
export { accessLog, type AccessLogDeps, type AccessLogOptions } from "./access_log.ts";
export { LiveFeed, type LiveSource, MAX_READERS, outcomesOf } from "./live_feed.ts";
export {
  type AskParts,
  type KnownCounts,
  knownOf,
  type LivePart,
  MAX_TOLD,
  type NamedPart,
} from "./live_part.ts";
export type { PairRecord, PairRecords } from "./pair_records.ts";
export { doing, Phases, phasesOf } from "./phases.ts";
export { type Kept, type RecorderOptions, RequestRecorder } from "./recorder.ts";
export { RecentRequests } from "./ring.ts";
export { serverTiming } from "./server_timing.ts";
export * from "./shapes.ts";
export { requestDetail, requestView, tokensIn, type ViewDeps } from "./views.ts";
