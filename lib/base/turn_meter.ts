/** Work of many that comes in small pieces, bounded for each turn of the event loop. @module */
import type { Clock, Timer } from "./clock.ts";

/** From this part of the budget on it matters whether the event loop has turned. */
const WATCHED_PART = 1 / 2;

/** Below this part of the budget, an amount is small. */
const SMALL_PART = 1 / 64;

/** What is small may go so far beyond the budget, as a part of it: it need not wait for what is not. */
const SMALL_EXTRA = 1 / 4;

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
  readonly #budget: number;
  readonly #small: Waiter[] = [];
  readonly #large: Waiter[] = [];
  #spent = 0;
  #timer: Timer | undefined;

  /** `budget` is what is done in a turn, and one amount more, in whatever unit. */
  constructor(clock: Clock, budget: number) {
    this.#clock = clock;
    this.#budget = budget;
  }

  /**
   * Undefined where there is room for `amount` in this turn; else resolves when it is its turn. A
   * sharer that waits spends nothing more meanwhile.
   */
  spend(amount: number): Promise<void> | undefined {
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

  /** Whoever waits goes on. */
  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#spent = 0;
    for (const { resume } of [...this.#small.splice(0), ...this.#large.splice(0)]) resume();
  }

  #limit(isSmall: boolean): number {
    return isSmall ? this.#budget * (1 + SMALL_EXTRA) : this.#budget;
  }

  #arm(): void {
    this.#timer ??= this.#clock.after(0, () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    this.#spent = 0;
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
