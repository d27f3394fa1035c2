/** How long to wait before the broker is tried again. @module */
import type { Random } from "../base/mod.ts";

/** The first pause, and the longest, in milliseconds. */
export const FIRST_MS = 200;
export const LONGEST_MS = 5_000;

/** Pauses that double, each between half and all of what it could be: replicas do not come all at once. */
export class Backoff {
  readonly #random: Pick<Random, "next">;
  #ms = FIRST_MS;

  constructor(random: Pick<Random, "next">) {
    this.#random = random;
  }

  /** The next pause, in milliseconds. */
  next(): number {
    const ms = this.#ms * (0.5 + this.#random.next() / 2);
    this.#ms = Math.min(2 * this.#ms, LONGEST_MS);
    return ms;
  }

  /** It went well for a while: begin with short ones. */
  reset(): void {
    this.#ms = FIRST_MS;
  }
}
