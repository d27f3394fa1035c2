/** How busy an engine is, in one number. Pure. @module */
import type { Candidate } from "./candidate.ts";
import { requestsAt } from "./engine_stats.ts";
import type { Candidates } from "./policy.ts";

/** Prompt tokens that are yet to be computed weigh as much as a request, about. */
const TOKENS_PER_REQUEST = 1_024;

/** Share of its KV cache beyond which an engine soon sets requests back. */
const NEARLY_FULL = 0.8;

/**
 * Requests at `candidate` at this moment, of all its clients, and of this router's those that have a seat
 * of it and are on their way: many may be chosen for before the first of them arrives.
 */
export function requestsOf({ inflight, load, stats }: Candidate): number {
  const own = load === undefined ? inflight : Math.max(inflight, load.seats);
  return stats === undefined ? own : requestsAt({ inflight: own, stats });
}

/**
 * Requests at `candidate`, of all its clients as far as it has said, and prompt tokens that it has
 * not answered yet; up to twice as much where its KV cache is nearly full. 0 for idle ones.
 */
export function loadOf(candidate: Candidate): number {
  const { promptTokens = 0, stats } = candidate;
  const load = requestsOf(candidate) + promptTokens / TOKENS_PER_REQUEST;
  const kvUse = stats?.kvUse;
  if (kvUse === undefined || kvUse <= NEARLY_FULL) return load;
  return load + (load + 1) * Math.min(1, (kvUse - NEARLY_FULL) / (1 - NEARLY_FULL));
}

/** The one with the least of `cost`; the first among equals. */
export function leastBy(from: Candidates, cost: (candidate: Candidate) => number): Candidate {
  let [best] = from;
  let least = Infinity;
  for (const candidate of from) {
    const of = cost(candidate);
    if (of < least) [best, least] = [candidate, of];
  }
  return best;
}
