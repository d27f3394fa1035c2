/** Figures out of samples. @module */

/** The value below which `share` (0 to 1) of `samples` lie; NaN without any. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** The middle one; of an even number the mean of the two. NaN without any. */
export function median(samples: readonly number[]): number {
  const sorted = Float64Array.from(samples).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** The sum. */
export function sum(samples: readonly number[]): number {
  return samples.reduce((all, sample) => all + sample, 0);
}
