/** Health that several routers have in common: what each tells, and how it takes what others tell. @module */
import type { Engine } from "../base/mod.ts";
import type { PeerId, VerdictTold } from "../gossip/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { BreakerSharing } from "./breaker.ts";

/** How what is held against engines and pairs is shared. */
export interface VerdictSharing {
  ofEngine(engine: Engine): BreakerSharing;
  ofPair(pair: Pair): BreakerSharing;
}

/** What whoever speaks with other routers uses of health. */
export interface SharedHealth {
  /** Whether an engine gave no answer to its last question for models. */
  isSilent(id: string): boolean;
  /** What others are told of the engine `id`; undefined where there has never been anything to tell. */
  told(id: string): VerdictTold | undefined;
  /** Another router has told of the engine `id`; one that is not known is none of its business. */
  hear(id: string, told: VerdictTold): void;
  /** The same of pairs. Whether what was told is more than what was known. */
  pairTold(pair: Pair): VerdictTold | undefined;
  hearPair(pair: Pair, told: VerdictTold): boolean;
  /** The pairs that anything has ever been held against. */
  readonly knownPairs: Iterable<Pair>;
  /** A router has gone, and with it the requests by which it tries engines and pairs. */
  lost(peer: PeerId): void;
}
