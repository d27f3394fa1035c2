/** A circuit breaker: when something that fails is gone around, and when it is tried again. @module */
import type { ErrorCode } from "../base/mod.ts";
import { GOOD, type Verdict } from "../selection/mod.ts";

/** How much a breaker puts up with. */
export interface BreakerRules {
  /** Failures in a row that shut it; at least 1. */
  readonly failures: number;
  /** First pause after that, in milliseconds; each failed trial doubles it, up to the longest. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

/** A breaker that has been shut. */
interface Shut {
  readonly why: ErrorCode;
  readonly pauseMs: number;
  /** On the clock's monotonic scale, as all times here. */
  readonly sinceMs: number;
  readonly untilMs: number;
  /** When the request was begun by which it is tried; undefined while there is none. */
  readonly trialMs?: number | undefined;
  /** A trial is being answered: others may follow, and the first that ends decides. */
  readonly answering?: boolean;
}

const PROBATION: Verdict = Object.freeze({ kind: "probation" });

/**
 * Good until so many failures in a row; then shut for a pause; then on probation: one request tries it,
 * and its outcome decides. Outcomes of requests that were begun before it was shut are old news by then.
 */
export class Breaker {
  readonly #rules: BreakerRules;
  #failures = 0;
  #shut: Shut | undefined;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
  }

  /** Nothing is held against it. */
  get clean(): boolean {
    return this.#failures === 0 && this.#shut === undefined;
  }

  /** When it may be tried, again where a trial has no end; undefined when it is not shut. */
  get dueMs(): number | undefined {
    const shut = this.#shut;
    if (shut === undefined || shut.answering === true) return undefined;
    return shut.trialMs === undefined ? shut.untilMs : shut.trialMs + this.#rules.maxPauseMs;
  }

  verdict(nowMs: number): Verdict {
    const { dueMs } = this;
    if (this.#shut === undefined) return GOOD;
    if (dueMs === undefined || nowMs >= dueMs) return PROBATION;
    return { kind: "shut", why: this.#shut.why, untilMs: dueMs };
  }

  /** A request is being sent: one that finds it on probation is the trial. */
  begin(nowMs: number): void {
    const { dueMs } = this;
    if (this.#shut === undefined || dueMs === undefined || nowMs < dueMs) return;
    this.#shut = { ...this.#shut, trialMs: nowMs };
  }

  /** A request begun at `beganMs` is being answered well. */
  answering(beganMs: number): void {
    if (this.#shut !== undefined && this.#isTrial(beganMs)) {
      this.#shut = { ...this.#shut, answering: true };
    }
  }

  /** A request begun at `beganMs` has ended well. */
  ok(beganMs: number): void {
    if (this.#shut === undefined) this.#failures = 0;
    else if (beganMs >= this.#shut.sinceMs) {
      this.#shut = undefined;
      this.#failures = 0;
    }
  }

  /** A request begun at `beganMs` has failed. `grave` shuts it at once; `pause` is a factor of the pause. */
  failed(
    { beganMs, nowMs, why, grave, pause }: {
      readonly beganMs: number;
      readonly nowMs: number;
      readonly why: ErrorCode;
      readonly grave: boolean;
      readonly pause: number;
    },
  ): void {
    const shut = this.#shut;
    if (shut === undefined) {
      this.#failures++;
      if (!grave && this.#failures < this.#rules.failures) return;
      this.#shutFor(this.#rules.pauseMs, { nowMs, why, pause });
    } else if (this.#isTrial(beganMs)) {
      this.#shutFor(Math.min(shut.pauseMs * 2, this.#rules.maxPauseMs), { nowMs, why, pause });
    }
  }

  /** A request begun at `beganMs` has ended, and says nothing. */
  left(beganMs: number): void {
    if (this.#shut === undefined || !this.#isTrial(beganMs)) return;
    this.#shut = { ...this.#shut, trialMs: undefined, answering: false };
  }

  /** It may be tried at once: something else speaks for it. */
  release(nowMs: number): void {
    const shut = this.#shut;
    if (shut !== undefined && shut.untilMs > nowMs) this.#shut = { ...shut, untilMs: nowMs };
  }

  #isTrial(beganMs: number): boolean {
    const trialMs = this.#shut?.trialMs;
    return trialMs !== undefined && beganMs >= trialMs;
  }

  #shutFor(
    pauseMs: number,
    { nowMs, why, pause }: {
      readonly nowMs: number;
      readonly why: ErrorCode;
      readonly pause: number;
    },
  ): void {
    this.#shut = { why, pauseMs, sinceMs: nowMs, untilMs: nowMs + pauseMs * pause };
  }
}
