/** Verdicts of other routers on engines that have not come here yet. @module */
import type { VerdictTold } from "../gossip/mod.ts";

/** Most that are kept; beyond it, the one that was told first goes. */
const MAX_UNPLACED = 4_096;

/** What was told of one engine, or of two. */
export interface UnplacedVerdict {
  readonly names: readonly [string] | readonly [prefill: string, decode: string];
  readonly told: VerdictTold;
  /** On the clock's monotonic scale, in milliseconds. */
  readonly atMs: number;
}

/** Keeps the latest of each. */
export class Unplaced {
  readonly #verdicts = new Map<string, UnplacedVerdict>();

  get size(): number {
    return this.#verdicts.size;
  }

  put(verdict: UnplacedVerdict): void {
    const key = verdict.names.join("\n");
    this.#verdicts.delete(key);
    this.#verdicts.set(key, verdict);
    const [oldest] = this.#verdicts.keys();
    if (this.#verdicts.size > MAX_UNPLACED && oldest !== undefined) this.#verdicts.delete(oldest);
  }

  /** Those on the engine called `name`, as they are to be told at `nowMs`; they are kept no longer. */
  take(name: string, nowMs: number): readonly UnplacedVerdict[] {
    const found: UnplacedVerdict[] = [];
    for (const [key, verdict] of this.#verdicts) {
      if (!(verdict.names as readonly string[]).includes(name)) continue;
      this.#verdicts.delete(key);
      found.push({ ...verdict, told: aged(verdict.told, nowMs - verdict.atMs), atMs: nowMs });
    }
    return found;
  }
}

/** What was told `ms` ago. */
function aged(told: VerdictTold, ms: number): VerdictTold {
  const { shut, unfit } = told;
  const left = (leftMs: number): number => Math.max(0, leftMs - ms);
  return {
    ...told,
    shut: shut && {
      ...shut,
      agoMs: shut.agoMs + ms,
      leftMs: left(shut.leftMs),
      trial: shut.trial && { ...shut.trial, leftMs: left(shut.trial.leftMs) },
    },
    unfit: unfit && { ...unfit, agoMs: unfit.agoMs + ms },
  };
}
