/** Many calls after the same delay on one timer: a limit that is hardly ever reached costs no timer. @module */
import type { Clock, Timer } from "./clock.ts";

/** Longest wait of a timer: none is left behind the last call for longer, in milliseconds. */
const LONGEST_MS = 1_000;

/** A call that is to come. */
class Call implements Timer {
  readonly at: number;
  readonly run: () => void;
  readonly #lane: Set<Call>;

  constructor(at: number, run: () => void, lane: Set<Call>) {
    this.at = at;
    this.run = run;
    this.#lane = lane;
    lane.add(this);
  }

  cancel(): void {
    this.#lane.delete(this);
  }

  [Symbol.dispose](): void {
    this.cancel();
  }
}

/** The calls with one delay, in the order in which they fall due. */
interface Lane {
  readonly calls: Set<Call>;
  timer: Timer | undefined;
}

/**
 * `after` of a clock, for limits of a few lengths that are set for every request and nearly always
 * cancelled. Calls come when they are due. Behind the last that is cancelled a timer stays for a second
 * at most, so that requests one after the other cost none either.
 */
export class SharedTimers implements Pick<Clock, "after">, Disposable {
  readonly #clock: Clock;
  readonly #lanes = new Map<number, Lane>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(delayMs: number, run: () => void): Timer {
    let lane = this.#lanes.get(delayMs);
    if (lane === undefined) {
      this.#lanes.set(delayMs, lane = { calls: new Set(), timer: undefined });
    }
    const call = new Call(this.#clock.now() + delayMs, run, lane.calls);
    lane.timer ??= this.#arm(delayMs, lane, delayMs);
    return call;
  }

  /** Nothing that is to come comes. */
  [Symbol.dispose](): void {
    for (const { calls, timer } of this.#lanes.values()) {
      calls.clear();
      timer?.cancel();
    }
    this.#lanes.clear();
  }

  #arm(delayMs: number, lane: Lane, waitMs: number): Timer {
    return this.#clock.after(Math.min(waitMs, LONGEST_MS), () => this.#fired(delayMs, lane));
  }

  #fired(delayMs: number, lane: Lane): void {
    const nowMs = this.#clock.now();
    // The timer counts as armed until all that is due has run: what that sets is behind all there is.
    for (const call of lane.calls) {
      if (call.at > nowMs) {
        lane.timer = this.#arm(delayMs, lane, call.at - nowMs);
        return;
      }
      lane.calls.delete(call);
      call.run();
    }
    lane.timer = undefined;
    // Lengths that nobody uses any more are forgotten.
    this.#lanes.delete(delayMs);
  }
}
