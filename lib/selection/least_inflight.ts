/** The engine that has the fewest requests of this router. @module */
import type { Policy } from "./policy.ts";

/** The engine with the fewest requests in flight; the first by URL among equals. */
export function leastInflight(): Policy {
  return {
    pick(from) {
      let [least] = from;
      for (const candidate of from) if (candidate.inflight < least.inflight) least = candidate;
      return least;
    },
  };
}
