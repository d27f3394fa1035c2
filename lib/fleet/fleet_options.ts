/** What a fleet is made of, and what it tells. @module */
import type { Clock, Engine, Logger, Random } from "../base/mod.ts";
import type { Policies, Verdict } from "../selection/mod.ts";
import type { Outcome, ServingLeg } from "./flight.ts";
import type { Health } from "./health.ts";
import type { FetchCards } from "./model_watcher.ts";
import type { Others } from "./others.ts";
import type { PairFit } from "./pair_fit.ts";
import type { SeatLimits } from "./seats.ts";

/** What happens to the engines of a fleet. */
export type FleetChange =
  | { readonly kind: "added" | "changed" | "leaving"; readonly engine: Engine }
  | {
    readonly kind: "removed";
    readonly engine: Engine;
    /** It has been started anew: another engine takes its place at once, at the same address. */
    readonly replaced?: true;
  }
  /** An engine that was removed has nothing under way any more: its URL means nothing to anybody. */
  | { readonly kind: "forgotten"; readonly engine: Engine };

/** Told as things happen, e.g. to be counted. None may throw. */
export interface FleetObserver {
  /** A flight of a serving leg has begun (1) or ended (-1). */
  readonly onInflight: (engine: Engine, leg: ServingLeg, delta: number) => void;
  /** The first token of such a flight's stream has come. */
  readonly onFirst?: (engine: Engine, leg: ServingLeg) => void;
  readonly onOutcome: (outcome: Outcome) => void;
  /** What health says of an engine is of another kind than before; never that it leaves. */
  readonly onVerdict: (engine: Engine, verdict: Verdict) => void;
}

/** What a fleet is made of. */
export interface FleetOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  readonly policies: Policies;
  readonly fetchCards: FetchCards;
  /**
   * From an engine's coming until it has all of its share of requests, in milliseconds.
   * @default 0
   */
  readonly slowStartMs?: number;
  /** Which engines are not to be paired; absent where all that speak alike are. */
  readonly fit?: Pick<PairFit, "in">;
  /** When and how engines are found out that show no sign of life; without it, none is. */
  readonly frozen?: FrozenOptions;
  readonly observer: FleetObserver;
  /**
   * Engines at once; more are refused, with a line in the log.
   * @default {65536}
   */
  readonly maxEngines?: number;
  /**
   * Requests that engines get at a time.
   * @default {UNBOUNDED}
   */
  readonly seats?: SeatLimits;
  /** What other routers have under way; absent where there are none. */
  readonly others?: Others | undefined;
}

/** How engines are dealt with whose requests are overdue. */
export interface FrozenOptions {
  /** Silence of less than this is no reason to ask, in milliseconds. */
  readonly afterMs: number;
  /** The engine has not answered: end what waits for its answers to begin. */
  readonly giveUp: (engine: Engine) => void;
}
