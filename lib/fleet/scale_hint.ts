/** How many engines of a role are wanted, fit for what starts and stops them. @module */

/** Lower by less than this, in engines, a hint is left as it is. */
const SLACK = 0.3;

/** At most so many times the engines that are there, and one more, are wanted at once. */
const MOST_TIMES = 2;

/** A whole number that rises as soon as more are wanted, and falls where it is well below. */
export class ScaleHint {
  #value: number | undefined;

  /**
   * The hint where work for `wanted` engines is there, a fraction; it is at least `least`, and bounded
   * by the engines there are, `present`.
   */
  next(wanted: number, present: number, least = 1): number {
    const up = Math.ceil(wanted);
    const down = Math.ceil(wanted + SLACK);
    const before = this.#value ?? up;
    const value = up > before ? up : Math.min(before, down);
    this.#value = Math.max(least, Math.min(value, MOST_TIMES * present + 1));
    return this.#value;
  }
}
