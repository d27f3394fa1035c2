/** How one engine is chosen among several that all could serve. @module */
import type { Engine } from "../base/mod.ts";

/** What a choice may depend on. */
export interface SelectionAsk {
  readonly model: string;
  /** Requests with one key should meet one engine. */
  readonly sessionKey?: string | undefined;
  /** The request has had its turn: this choice takes none, or every failure would shift them. */
  readonly again?: boolean;
}

/** Chooses one of `candidates` (ordered by URL, never empty). */
export interface Policy {
  pick(candidates: readonly [Engine, ...Engine[]], ask: SelectionAsk): Engine;
}

/** One engine after the other, per model. */
export function roundRobin(): Policy {
  const turns = new Map<string, number>();
  return {
    pick(candidates, { model, again = false }) {
      const turn = turns.get(model) ?? 0;
      if (!again) turns.set(model, (turn + 1) % Number.MAX_SAFE_INTEGER);
      return candidates[turn % candidates.length] ?? candidates[0];
    },
  };
}

/** The engine with the fewest requests now; the first by URL among equals. */
export function leastInflight(inflight: (engine: Engine) => number): Policy {
  return {
    pick: (candidates) =>
      candidates.reduce((least, engine) => inflight(engine) < inflight(least) ? engine : least),
  };
}
