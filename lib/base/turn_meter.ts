/** Work of many that comes in small pieces, bounded for each turn of the event loop. @module */
import type { Clock, Timer } from "./clock.ts";

/** From this part of the budget on it matters whether the event loop has turned. */
const WATCHED_PART = 1 / 2;

/** Below this part of the budget, an amount is small. */
const SMALL_PART = 1 / 64;

/** What is small may go so far beyond the budget, as a part of it: it need not wait for what is not. */
const SMALL_EXTRA = 1 / 4;

/** Where turns are too long, this part of the budget is left at least. */
const LEAST_PART = 1 / 8;

/** How the budget grows again behind a turn that was short enough. */
const GROWTH = 5 / 4;

/** Somebody who waits to go on. */
interface Waiter {
  readonly amount: number;
  readonly resume: () => void;
}

/**
 * Counts what all who share it do in a turn of the event loop. Sockets and promises alone can keep a
 * loop from turning for as long as bytes arrive; behind the budget, work goes on in later turns, and
 * what is small before what is not. All who wait do so on one timer; there are as many as share it.
 */
export class TurnMeter implements Disposable {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #turnMs: number;
  readonly #small: Waiter[] = [];
  readonly #large: Waiter[] = [];
  #budget: number;
  #spent = 0;
  #timer: Timer | undefined;
  #armedAt = 0;
  #over = false;

  /**
   * `budget` is what is done in a turn, and one amount more, in whatever unit. It shrinks, to an eighth
   * at least, while turns that matter take longer than `turnMs` milliseconds, and grows again behind
   * shorter ones.
   */
  constructor(clock: Clock, budget: number, turnMs = Infinity) {
    this.#clock = clock;
    this.#most = budget;
    this.#budget = budget;
    this.#turnMs = turnMs;
  }

  /**
   * Undefined where there is room for `amount` in this turn; else resolves when it is its turn. A
   * sharer that waits spends nothing more meanwhile.
   */
  spend(amount: number): Promise<void> | undefined {
    if (this.#over) return undefined;
    const isSmall = amount < this.#budget * SMALL_PART;
    if (this.#spent < this.#limit(isSmall)) {
      this.#spent += amount;
      if (this.#spent >= this.#budget * WATCHED_PART) this.#arm();
      return undefined;
    }
    return new Promise((resume) => {
      (isSmall ? this.#small : this.#large).push({ amount, resume });
    });
  }

  /** Whoever waits goes on, and nobody waits any more. */
  [Symbol.dispose](): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#spent = 0;
    for (const { resume } of [...this.#small.splice(0), ...this.#large.splice(0)]) resume();
  }

  #limit(isSmall: boolean): number {
    return isSmall ? this.#budget * (1 + SMALL_EXTRA) : this.#budget;
  }

  #arm(): void {
    if (this.#timer !== undefined) return;
    this.#armedAt = this.#clock.now();
    this.#timer = this.#clock.after(0, () => this.#turn());
  }

  /** What may be done in turns that begin now, as the last one took `elapsedMs`. */
  #adapt(elapsedMs: number): void {
    const fitting = elapsedMs > this.#turnMs
      ? this.#budget * this.#turnMs / elapsedMs
      : this.#budget * GROWTH;
    this.#budget = Math.max(this.#most * LEAST_PART, Math.min(this.#most, fitting));
  }

  #turn(): void {
    this.#timer = undefined;
    this.#spent = 0;
    this.#adapt(this.#clock.now() - this.#armedAt);
    // However much is small, what is not gets on.
    this.#resume(this.#large.shift());
    while (this.#small.length > 0 && this.#spent < this.#limit(true)) {
      this.#resume(this.#small.shift());
    }
    while (this.#large.length > 0 && this.#spent < this.#limit(false)) {
      this.#resume(this.#large.shift());
    }
  }

  #resume(waiter: Waiter | undefined): void {
    if (waiter === undefined) return;
    // Before it has run: the next turn is behind it.
    this.#arm();
    this.#spent += waiter.amount;
    waiter.resume();
  }
}
