/**
 * A time limit that is moved far more often than it is reached.
 * @module
 */
import type { Clock, Timer } from "../base/mod.ts";

/**
 * Calls back when the time set last has passed. Moving the limit later, as each read does, only
 * stores a number: the one timer underneath looks at it when it fires and sleeps on.
 */
export class Deadline implements Disposable {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #at = Infinity;
  #timer: Timer | undefined;
  #firesAt = Infinity;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** Expire in `delayMs` milliseconds, in place of any limit set before. */
  set(delayMs: number): void {
    this.#at = this.#clock.now() + delayMs;
    if (this.#at < this.#firesAt) this.#arm(delayMs);
  }

  /** No limit until the next `set`. */
  clear(): void {
    this.#at = Infinity;
  }

  /** No timer left, and none from here on. */
  [Symbol.dispose](): void {
    this.#at = Infinity;
    this.#firesAt = -Infinity;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#firesAt = this.#clock.now() + delayMs;
    this.#timer = this.#clock.after(delayMs, () => this.#fired());
  }

  #fired(): void {
    this.#timer = undefined;
    this.#firesAt = Infinity;
    if (this.#at === Infinity) return;
    const leftMs = this.#at - this.#clock.now();
    if (leftMs > 0) return this.#arm(leftMs);
    this.#at = Infinity;
    this.#onExpired();
  }
}
