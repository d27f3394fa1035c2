/** Histograms of durations and of counts, with the bounds that vLLM's have. @module */

/** Upper bounds in seconds of the time to the first token. Source: vLLM `v1/metrics/loggers.py`. */
export const FIRST_TOKEN_BOUNDS: readonly number[] = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5],
  ...[0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160],
];

/** Of the time that a request's tokens took, each. */
export const PER_TOKEN_BOUNDS: readonly number[] = [
  ...[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
  ...[0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80],
];

/** Of a request, and of each phase of it. */
export const REQUEST_BOUNDS: readonly number[] = [
  ...[0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960],
  ...[1920, 7680],
];

/** Of tokens: 1, 2, 5, 10, ... up to `most`. */
export function tokenBounds(most: number): readonly number[] {
  const bounds: number[] = [];
  for (let power = 1; power <= most; power *= 10) {
    bounds.push(...[1, 2, 5].map((digit) => digit * power).filter((bound) => bound <= most));
  }
  return bounds;
}

/** Counts values by bucket. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #buckets: number[];
  #sum = 0;
  #count = 0;

  /** `bounds` rise; a last one, for all that is greater, is added. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#buckets = new Array<number>(bounds.length + 1).fill(0);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** Count `times` values of `value` each. */
  observe(value: number, times = 1): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const at = found < 0 ? this.#bounds.length : found;
    this.#buckets[at] = (this.#buckets[at] ?? 0) + times;
    this.#sum += value * times;
    this.#count += times;
  }

  /** Count `times` durations of `ms` milliseconds each, in seconds. */
  observeMs(ms: number, times = 1): void {
    this.observe(ms / 1000, times);
  }

  /** Zero it. */
  reset(): void {
    this.#buckets.fill(0);
    this.#sum = 0;
    this.#count = 0;
  }

  /** Bounds with the number of values up to each; the last bound is `+Inf`. */
  cumulative(): readonly (readonly [bound: string, count: number])[] {
    let total = 0;
    return this.#buckets.map((count, index) => {
      total += count;
      const bound = this.#bounds[index];
      return [bound === undefined ? "+Inf" : String(bound), total];
    });
  }
}
