/** An engine that could serve, and what is known of it at the moment of a choice. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import type { EngineStats } from "./engine_stats.ts";
import type { Load } from "./room.ts";

/** What health says of an engine, or of a pair of engines. */
export type Verdict =
  | { readonly kind: "good" }
  /** Being tried again after it was shut: it serves, and its next outcome decides. */
  | { readonly kind: "probation"; readonly why?: ErrorCode }
  /** Gone around while there is any other. */
  | {
    readonly kind: "shut";
    readonly why: ErrorCode;
    /** On the clock's monotonic scale, in milliseconds; absent until it answers. */
    readonly untilMs?: number;
  }
  /** Gets nothing more, and ends what it has. */
  | { readonly kind: "leaving" };

/** The verdict on whom nothing speaks against. */
export const GOOD: Verdict = Object.freeze({ kind: "good" });

/** The verdict on a pair of engines whose KV is not one another's. */
export const UNEQUAL: Verdict = Object.freeze({ kind: "shut", why: "pair-unequal" });

/** One engine, as policies see it. The fields tell the present whenever they are read. */
export interface Candidate {
  readonly engine: Engine;
  /** Requests that this router has at it, all legs. */
  readonly inflight: number;
  /**
   * Prompt tokens of those requests that it has to compute before their answers begin, about; absent
   * where nobody counts.
   */
  readonly promptTokens?: number;
  /** What it said last of its own load; absent where it has not. */
  readonly stats?: EngineStats | undefined;
  readonly verdict: Verdict;
  /** What of it is taken; absent where nothing is bounded. */
  readonly load?: Load | undefined;
}

/** An engine of which nothing but its record is known. */
export function idleCandidate(engine: Engine): Candidate {
  return { engine, inflight: 0, verdict: GOOD };
}
