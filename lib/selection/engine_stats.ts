/** What engines say of their own load, and what it means between two readings. Pure. @module */

/** One reading of an engine's `/metrics`; counts are since its start. */
export interface EngineStats {
  /** Requests that it works on (`vllm:num_requests_running`), whoever sent them. */
  readonly running: number;
  /** Requests that wait in it (`vllm:num_requests_waiting`). */
  readonly waiting: number;
  /** Share of its KV cache in use, 0 to 1; absent where it does not tell. */
  readonly kvUse?: number;
  /** Tokens looked up, and found, in its own prefix cache. */
  readonly prefixQueries?: number;
  readonly prefixHits?: number;
  /** The same of the cache that its KV connector reaches. */
  readonly externalQueries?: number;
  readonly externalHits?: number;
  /** Requests that it has set back for want of KV blocks. */
  readonly preemptions?: number;
  /** Requests that this router had at it when it was read. */
  readonly own: number;
  /** When it was read, on the clock's monotonic scale, in milliseconds. */
  readonly readMs: number;
}

/**
 * Requests at an engine at this moment, of all its clients: what it said last, corrected by what this
 * router has sent and ended since. Never fewer than this router's own.
 */
export function requestsAt(
  { inflight, stats }: { readonly inflight: number; readonly stats?: EngineStats | undefined },
): number {
  if (stats === undefined) return inflight;
  return Math.max(inflight, stats.running + stats.waiting - stats.own + inflight);
}
