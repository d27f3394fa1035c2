/** Pauses between tries that fail. @module */
import type { Random } from "../../base/mod.ts";

const FIRST_MS = 500;
const MAX_MS = 30_000;

/** Twice as long each time, up to a bound, and at random: many routers shall not come at once. */
export class Backoff {
  readonly #random: Random;
  #nextMs = FIRST_MS;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The next pause, in milliseconds; at least `leastMs`. */
  next(leastMs = 0): number {
    const pause = this.#nextMs * (0.5 + this.#random.next() / 2);
    this.#nextMs = Math.min(2 * this.#nextMs, MAX_MS);
    return Math.max(pause, leastMs);
  }

  /** It went well. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
