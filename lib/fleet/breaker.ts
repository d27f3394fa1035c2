/** A circuit breaker: when something that fails is gone around, and when it is tried again. @module */
import type { ErrorCode } from "../base/mod.ts";
import { GOOD, type Verdict } from "../selection/mod.ts";

/** How much a breaker puts up with. */
export interface BreakerRules {
  /** Failures in a row that shut it; at least 1. */
  readonly failures: number;
  /** First pause after that, in milliseconds; each failed trial doubles it, up to the longest. */
  readonly pauseMs: number;
  /** At least `pauseMs`. */
  readonly maxPauseMs: number;
}

/**
 * What the end of a flight says. `grave`: it is not there, whatever it did before. `halfway`: well so
 * far, and another flight of the same request is to decide.
 */
export type Lesson = "ok" | "halfway" | "failed" | "grave" | "nothing";

/** The circumstances of a lesson. Times are on the clock's monotonic scale, in milliseconds. */
export interface LessonTold {
  readonly beganMs: number;
  readonly nowMs: number;
  readonly why: ErrorCode;
  /** A factor of the pause. */
  readonly pause: number;
}

/** A breaker that has been shut. */
interface Shut {
  readonly why: ErrorCode;
  readonly pauseMs: number;
  readonly untilMs: number;
  readonly trial?: Trial | undefined;
}

/** One request finds out whether it works again. */
interface Trial {
  /** When its flight began: what says which flight it is. */
  readonly beganMs: number;
  /** Another may take its place then, as it may have no end. */
  readonly untilMs: number;
  /** Whether the next flight that begins takes its place, as it is the same request's. */
  readonly open: boolean;
  /** It is being answered: others may follow, and the first that ends decides. */
  readonly answering: boolean;
}

/**
 * Good until so many failures in a row; then shut for a pause; then on probation: one request tries it,
 * and its outcome decides. Of requests that began before it was last shut, nothing is learnt.
 */
export class Breaker {
  readonly #rules: BreakerRules;
  #failures = 0;
  #shut: Shut | undefined;
  /** When it was last shut. */
  #sinceMs = -Infinity;

  constructor(rules: BreakerRules) {
    this.#rules = rules;
  }

  /** Nothing is held against it. */
  get clean(): boolean {
    return this.#failures === 0 && this.#shut === undefined;
  }

  /** It has been shut, and has not shown better since. */
  get isShut(): boolean {
    return this.#shut !== undefined;
  }

  /** As one that has never failed. */
  get fresh(): boolean {
    return this.clean && this.#sinceMs === -Infinity;
  }

  /** When it may be tried, again where a trial has no end; undefined when it is not shut. */
  get dueMs(): number | undefined {
    const { untilMs, trial } = this.#shut ?? {};
    return trial?.answering === true ? undefined : trial?.untilMs ?? untilMs;
  }

  verdict(nowMs: number): Verdict {
    if (this.#shut === undefined) return GOOD;
    const { why } = this.#shut;
    const { dueMs } = this;
    if (dueMs === undefined || nowMs >= dueMs) return { kind: "probation", why };
    return { kind: "shut", why, untilMs: dueMs };
  }

  /** A request is to try it: none else may, until it begins or does not for as long as a first pause. */
  claim(nowMs: number): void {
    const { dueMs } = this;
    if (dueMs === undefined || nowMs < dueMs) return;
    this.#try({
      beganMs: nowMs,
      untilMs: nowMs + this.#rules.pauseMs,
      open: true,
      answering: false,
    });
  }

  /** A request is being sent: one that finds it on probation is the trial. */
  begin(nowMs: number): void {
    const { dueMs } = this;
    if (dueMs === undefined || (nowMs < dueMs && this.#shut?.trial?.open !== true)) return;
    const untilMs = nowMs + this.#rules.maxPauseMs;
    this.#try({ beganMs: nowMs, untilMs, open: false, answering: false });
  }

  /** A request begun at `beganMs` is being answered well. */
  answering(beganMs: number): void {
    const trial = this.#shut?.trial;
    if (trial !== undefined && beganMs >= trial.beganMs) this.#try({ ...trial, answering: true });
  }

  /** A request has ended. */
  learn(lesson: Lesson, told: LessonTold): void {
    switch (lesson) {
      case "ok":
        return this.#ok(told);
      case "halfway":
        return this.#halfway(told);
      case "failed":
      case "grave":
        return this.#failed(lesson, told);
      case "nothing":
        return this.#isTrial(told) ? this.#try(undefined) : undefined;
      default:
        return lesson satisfies never;
    }
  }

  /** It may be tried at once: something else speaks for it. */
  release(nowMs: number): void {
    const shut = this.#shut;
    if (shut !== undefined && shut.untilMs > nowMs) this.#shut = { ...shut, untilMs: nowMs };
  }

  #ok({ beganMs }: LessonTold): void {
    if (this.#shut !== undefined && beganMs < this.#sinceMs) return;
    this.#shut = undefined;
    this.#failures = 0;
  }

  #halfway(told: LessonTold): void {
    const trial = this.#shut?.trial;
    if (trial === undefined || !this.#isTrial(told)) return;
    this.#try({ ...trial, untilMs: told.nowMs + this.#rules.pauseMs, open: true });
  }

  #failed(lesson: "failed" | "grave", told: LessonTold): void {
    if (told.beganMs < this.#sinceMs) return;
    const { failures, pauseMs, maxPauseMs } = this.#rules;
    const shut = this.#shut;
    if (shut === undefined) {
      this.#failures++;
      if (lesson === "grave" || this.#failures >= failures) this.#shutFor(pauseMs, told);
    } else if (shut.trial !== undefined && told.beganMs >= shut.trial.beganMs) {
      this.#shutFor(Math.min(shut.pauseMs * 2, maxPauseMs), told);
    }
  }

  #isTrial({ beganMs }: LessonTold): boolean {
    return this.#shut?.trial?.beganMs === beganMs;
  }

  #try(trial: Trial | undefined): void {
    if (this.#shut !== undefined) this.#shut = { ...this.#shut, trial };
  }

  #shutFor(pauseMs: number, { nowMs, why, pause }: LessonTold): void {
    this.#shut = { why, pauseMs, untilMs: nowMs + pauseMs * pause };
    this.#sinceMs = nowMs;
  }
}
