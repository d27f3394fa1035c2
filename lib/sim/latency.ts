/** A histogram of durations. @module */

/** Upper bounds in seconds, as vLLM has for time to first token. */
const BOUNDS = [
  0.001,
  0.005,
  0.01,
  0.02,
  0.04,
  0.06,
  0.08,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
  20,
  40,
  80,
  160,
] as const;

/** Counts durations by bucket. */
export class LatencyHistogram {
  readonly #buckets = new Array<number>(BOUNDS.length + 1).fill(0);
  #sum = 0;
  #count = 0;

  get sumSeconds(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Count `times` durations of `ms` milliseconds each. */
  observe(ms: number, times = 1): void {
    const seconds = ms / 1000;
    const found = BOUNDS.findIndex((bound) => seconds <= bound);
    const at = found < 0 ? BOUNDS.length : found;
    this.#buckets[at] = (this.#buckets[at] ?? 0) + times;
    this.#sum += seconds * times;
    this.#count += times;
  }

  /** Zero it. */
  reset(): void {
    this.#buckets.fill(0);
    this.#sum = 0;
    this.#count = 0;
  }

  /** Bounds with the number of durations up to each; the last bound is `+Inf`. */
  cumulative(): readonly (readonly [bound: string, count: number])[] {
    let total = 0;
    return this.#buckets.map((count, index) => {
      total += count;
      const bound = BOUNDS[index];
      return [bound === undefined ? "+Inf" : String(bound), total];
    });
  }
}
