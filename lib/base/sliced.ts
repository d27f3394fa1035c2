/** Long work in slices, between which the event loop turns. @module */
import type { Clock, Timer } from "./clock.ts";

/**
 * Work that yields at the end of each step and returns its result. A step takes a millisecond or
 * two at most, whatever it works on.
 */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Bytes to look at one by one in a step: about half a millisecond's work, a few before it is compiled. */
export const STEP_BYTES = 16 * 1024;

/** Bytes to copy in a step. */
export const COPY_STEP_BYTES = 1024 * 1024;

/** Up to here, bytes are looked at in one go: a few milliseconds' work at most. */
export const SMALL_BYTES = 64 * 1024;

/** What long work asks whether it may go on. */
export interface Breather {
  /** Whether such work has had its share of this turn of the event loop. */
  tired(): boolean;
  /** Resolves in a later turn; of several that rest, one in each. */
  pause(): Promise<void>;
}

/** How long all such work together may go on in one turn, in milliseconds. */
const TURN_MS = 4;

/** Do `work` in one go: for what is known to be small. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Do `work`, resting between steps where the turn is used up; without a breather, in one go. What has
 * one step alone never rests.
 */
export async function inSlices<T>(work: Sliced<T>, breather: Breather | undefined): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (breather?.tired() === true) await breather.pause();
  }
}

/** The event loop behind `clock`. */
export class TurnBreather implements Breather, Disposable {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** When such work began in this turn; undefined where there has been none. */
  #since: number | undefined;
  #timer: Timer | undefined;
  #over = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tired(): boolean {
    if (this.#over) return false;
    this.#since ??= this.#clock.now();
    this.#arm();
    return this.#clock.now() - this.#since >= TURN_MS;
  }

  pause(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#arm();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever rests goes on, and nobody rests any more. */
  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(0, () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    const resume = this.#waiting.shift();
    this.#since = resume === undefined ? undefined : this.#clock.now();
    if (resume === undefined) return;
    // Before what resumes has run: the next has its turn behind it.
    this.#arm();
    resume();
  }
}

/** A copy of `bytes` in memory of its own, which is not resizable. */
export function* copying(bytes: Uint8Array): Sliced<Uint8Array> {
  if (bytes.length <= COPY_STEP_BYTES) return bytes.slice();
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += COPY_STEP_BYTES) {
    if (at > 0) yield;
    copy.set(bytes.subarray(at, at + COPY_STEP_BYTES), at);
  }
  return copy;
}
