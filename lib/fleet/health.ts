/** What outcomes say of engines and of pairs. @module */
import type { Engine, ErrorCode } from "../base/mod.ts";
import type { Pair, Verdict } from "../selection/mod.ts";
import type { Leg, Outcome } from "./flight.ts";

/** A flight that has begun, or is being answered. */
export interface Begun {
  readonly engine: Engine;
  readonly leg: Leg;
  readonly peer: Engine | undefined;
  /** On the clock's monotonic scale, in milliseconds: also what tells it from others. */
  readonly beganMs: number;
}

/** What is known of a flight beside its outcome. */
export interface LandingFacts {
  readonly beganMs: number;
  /** The code of the innermost cause of its failure. */
  readonly root: ErrorCode | undefined;
}

/** A pair that is not good. */
export interface DoubtedPair extends Pair {
  readonly verdict: Exclude<Verdict, { readonly kind: "good" }>;
}

/** Learns from outcomes. Told of engines that are in the fleet alone. */
export interface Health {
  /** Learn from one flight; where no more is known of it, it ends at this moment and has one cause. */
  report(outcome: Outcome, landing?: LandingFacts): void;
  /** An engine is in the fleet from here on, or has another record. */
  know?(engine: Engine): void;
  /** A request is to be handed off between two engines; its flights begin a little later. */
  chose?(prefill: Engine, decode: Engine): void;
  /** A request has a seat at an engine on probation; its flight there begins a little later. */
  seated?(engine: Engine): void;
  /** A flight has begun: it may be the trial of an engine or a pair on probation. */
  began?(flight: Begun): void;
  /** The head of a good answer has come. */
  answering?(flight: Begun): void;
  /** What holds for one engine, by id. */
  engine(id: string): Verdict;
  /** What holds for two engines together, both of which may be good. */
  pair(prefill: string, decode: string): Verdict;
  /** The same of all pairs at this moment; undefined where nothing is held against any. */
  pairs?(): ((prefill: string, decode: string) => Verdict) | undefined;
  /** The pairs that are not good. */
  doubtedPairs?(): readonly DoubtedPair[];
  /** An engine has gone: nothing of it shall be kept. */
  forget(id: string): void;
  /** Have `on` told when an engine's verdict becomes another one that no outcome of its own tells. */
  watch?(on: (id: string) => void): Disposable;
}
