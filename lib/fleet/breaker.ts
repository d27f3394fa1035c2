/** A circuit breaker: when something that fails is gone around, and when it is tried again. @module */
import type { ErrorCode } from "../base/mod.ts";
import { isLater, type PeerId, type VerdictTold } from "../gossip/mod.ts";
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

/** How a breaker is one that several routers have in common. */
export interface BreakerSharing {
  readonly self: PeerId;
  /** Wall-clock time in milliseconds: a router that begins anew goes on behind what it said before. */
  unixMs(): number;
  /** It is another than before by what has happened here: others are to be told. */
  onChange(): void;
  /** By how much later than the first of the routers this one tries it, in milliseconds. */
  waitMs(version: number): number;
}

/** One request finds out whether it works again. */
interface Trial {
  /** Whose it is, where it is another router's. */
  readonly owner?: PeerId;
  /** When its flight began: what says which flight it is; NaN for that of another router. */
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
  readonly #sharing: BreakerSharing | undefined;
  /** Which of what has been told of it this is, and who has told it; 0 before anything was. */
  #version = 0;
  #author: PeerId = "";
  /** How much later than others this router tries it. */
  #waitMs = 0;

  /** `sharing`: absent where it is this router's alone. */
  constructor(rules: BreakerRules, sharing?: BreakerSharing) {
    this.#rules = rules;
    this.#sharing = sharing;
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
    return this.clean && this.#sinceMs === -Infinity && this.#version === 0;
  }

  /** When it may be tried, again where a trial has no end; undefined when it is not shut. */
  get dueMs(): number | undefined {
    const { untilMs, trial } = this.#shut ?? {};
    if (untilMs === undefined || trial?.answering === true) return undefined;
    return (trial?.untilMs ?? untilMs) + this.#waitMs;
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
    if (trial === undefined || trial.answering || !(beganMs >= trial.beganMs)) return;
    this.#try({ ...trial, answering: true });
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
    if (shut !== undefined && shut.untilMs > nowMs) this.#set({ ...shut, untilMs: nowMs });
  }

  /** It has changed, or something that is told with it: others are to take it from here. */
  noted(): void {
    const sharing = this.#sharing;
    if (sharing === undefined) return;
    this.#version = Math.max(this.#version + 1, sharing.unixMs());
    this.#author = sharing.self;
    this.#waitMs = sharing.waitMs(this.#version);
    sharing.onChange();
  }

  /** What others are told; undefined where there has never been anything to tell. */
  told(nowMs: number): VerdictTold | undefined {
    const { self } = this.#sharing ?? {};
    if (self === undefined || this.#version === 0) return undefined;
    const [version, author] = [this.#version, this.#author];
    if (this.#shut === undefined) return { version, author };
    const { why, pauseMs, untilMs, trial } = this.#shut;
    const shut = { why, pauseMs, agoMs: nowMs - this.#sinceMs, leftMs: untilMs - nowMs };
    if (trial === undefined) return { version, author, shut };
    const { owner = self, untilMs: endsMs, answering } = trial;
    return {
      version,
      author,
      shut: { ...shut, trial: { owner, leftMs: endsMs - nowMs, answering } },
    };
  }

  /** Take what another router has told; false, and nothing changed, where more is known here. */
  hear(told: VerdictTold, nowMs: number): boolean {
    const { self, waitMs } = this.#sharing ?? {};
    if (self === undefined || waitMs === undefined) return false;
    const { version, author, shut } = told;
    if (!isLater(told, { version: this.#version, author: this.#author })) return false;
    this.#version = version;
    this.#author = author;
    this.#waitMs = waitMs(version);
    if (shut === undefined) {
      this.#shut = undefined;
      this.#failures = 0;
      return true;
    }
    const { why, pauseMs, agoMs, leftMs } = shut;
    // Its own trial goes on, whatever others have to add; nobody else's is one that it does not know of.
    const own = this.#shut?.trial?.owner === undefined ? this.#shut?.trial : undefined;
    const trial = shut.trial?.owner === self ? own : shut.trial && {
      owner: shut.trial.owner,
      beganMs: NaN,
      untilMs: nowMs + shut.trial.leftMs,
      open: false,
      answering: shut.trial.answering,
    };
    this.#sinceMs = Math.max(this.#sinceMs, nowMs - agoMs);
    this.#shut = { why, pauseMs, untilMs: nowMs + leftMs, trial };
    return true;
  }

  /** The router `owner` has gone: a trial of its is nobody's. Whether there was one. */
  lost(owner: PeerId): boolean {
    const shut = this.#shut;
    if (shut?.trial === undefined || shut.trial.owner !== owner) return false;
    this.#shut = { ...shut, trial: undefined };
    return true;
  }

  #ok({ beganMs }: LessonTold): void {
    if (this.#shut !== undefined && beganMs < this.#sinceMs) return;
    if (this.#shut !== undefined) this.#set(undefined);
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
    if (this.#shut !== undefined && this.#shut.trial !== trial) this.#set({ ...this.#shut, trial });
  }

  #shutFor(pauseMs: number, { nowMs, why, pause }: LessonTold): void {
    this.#sinceMs = nowMs;
    this.#set({ why, pauseMs, untilMs: nowMs + pauseMs * pause });
  }

  /** It is this from here on, for all who have it in common. */
  #set(shut: Shut | undefined): void {
    this.#shut = shut;
    this.noted();
  }
}
