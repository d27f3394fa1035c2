/** Many values by their size, each within a twentieth. @module */

/** From one bucket to the next, values grow by this factor. */
const GROWTH = 1.02;

/** The least value that is told from 0. */
const LEAST = 0.1;

/** Counts values of 0 and more. */
export class Histogram {
  readonly #counts: number[] = [];
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** `times` values of `value`. */
  add(value: number, times: number): void {
    if (times === 0) return;
    const at = value <= LEAST ? 0 : Math.ceil(Math.log(value / LEAST) / Math.log(GROWTH));
    this.#counts[at] = (this.#counts[at] ?? 0) + times;
    this.#count += times;
  }

  /** The value that a `share` of all are no larger than; NaN without any. */
  quantile(share: number): number {
    let left = this.#count * share;
    for (const [at, count = 0] of this.#counts.entries()) {
      left -= count;
      if (left <= 0 && this.#count > 0) return LEAST * GROWTH ** at;
    }
    return NaN;
  }
}
