/** A share that grows back at a steady rate. Pure. @module */

/** Waits shorter than this are no waits: what sums of fractions leave over, in milliseconds. */
const EPSILON_MS = 1e-6;

/**
 * A bucket that is full at first and fills up again. What is kept is the moment at which it will be
 * full, so that looking at it changes nothing, and nothing adds up but what is taken. Times are on one
 * monotonic clock, in milliseconds.
 */
export class TokenBucket {
  #capacity: number;
  #perMs: number;
  #fullAt = -Infinity;

  /** `capacity` above 0; `perMs` is what comes back in a millisecond. */
  constructor(capacity: number, perMs: number) {
    this.#capacity = capacity;
    this.#perMs = perMs;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** What is there; below 0 where more has been taken than was there. */
  level(now: number): number {
    return this.#capacity - this.resetMs(now) * this.#perMs;
  }

  /** Until the bucket is full, in milliseconds. */
  resetMs(now: number): number {
    return Math.max(0, this.#fullAt - now);
  }

  /** Until `amount`, or all there can be, is there; 0 when it is. */
  waitMs(amount: number, now: number): number {
    const rest = this.#capacity - Math.min(amount, this.#capacity);
    const wait = this.resetMs(now) - rest / this.#perMs;
    return wait <= EPSILON_MS ? 0 : wait;
  }

  /** Take `amount`, whether it is there or not. */
  take(amount: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + amount / this.#perMs;
  }

  /** Put back `amount` of what was taken. */
  putBack(amount: number): void {
    this.#fullAt -= amount / this.#perMs;
  }

  /** It is not full before `ms` have passed, as is known elsewhere. */
  fullIn(ms: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now + ms);
  }

  /** Have another size and rate from now on; what is missing is missing still. */
  resize(capacity: number, perMs: number, now: number): void {
    const missing = this.resetMs(now) * this.#perMs;
    this.#capacity = capacity;
    this.#perMs = perMs;
    this.#fullAt = missing === 0 ? -Infinity : now + missing / perMs;
  }
}
