/** Many calls after the same delay on one timer: a limit that is hardly ever reached costs no timer. @module */
import type { Clock, Timer } from "./clock.ts";
import { Linked, LinkedList } from "./linked_list.ts";

/** How long a timer stays behind the last call at most, in milliseconds. */
const LINGER_MS = 1_000;

/** A call that is to come. */
class Call extends Linked implements Timer {
  readonly at: number;
  readonly run: () => void;
  readonly #lane: LinkedList<Call>;

  constructor(at: number, run: () => void, lane: LinkedList<Call>) {
    super();
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
  readonly calls: LinkedList<Call>;
  /** Of the first of them, or of one before it. */
  due: Timer;
  /** Looks whether there are any. */
  look: Timer;
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
    const lane = this.#lanes.get(delayMs) ?? this.#begin(delayMs);
    return new Call(this.#clock.now() + delayMs, run, lane.calls);
  }

  /** Nothing that is to come comes. */
  [Symbol.dispose](): void {
    for (const [delayMs, { calls }] of this.#lanes) {
      calls.clear();
      this.#end(delayMs);
    }
  }

  #begin(delayMs: number): Lane {
    const calls = new LinkedList<Call>();
    const lane = { calls, due: this.#due(delayMs, delayMs), look: this.#look(delayMs) };
    this.#lanes.set(delayMs, lane);
    return lane;
  }

  #end(delayMs: number): void {
    const lane = this.#lanes.get(delayMs);
    this.#lanes.delete(delayMs);
    lane?.due.cancel();
    lane?.look.cancel();
  }

  #due(delayMs: number, waitMs: number): Timer {
    return this.#clock.after(waitMs, () => this.#fired(delayMs));
  }

  #look(delayMs: number): Timer {
    return this.#clock.after(LINGER_MS, () => {
      const lane = this.#lanes.get(delayMs);
      if (lane === undefined) return;
      if (lane.calls.size === 0) this.#end(delayMs);
      else lane.look = this.#look(delayMs);
    });
  }

  #fired(delayMs: number): void {
    const lane = this.#lanes.get(delayMs);
    if (lane === undefined) return;
    const nowMs = this.#clock.now();
    // What those that are due set stands behind all there is, and is come to here.
    for (let call = lane.calls.first; call !== undefined; call = lane.calls.first) {
      if (call.at > nowMs) {
        lane.due = this.#due(delayMs, call.at - nowMs);
        return;
      }
      lane.calls.delete(call);
      call.run();
    }
    this.#end(delayMs);
  }
}
