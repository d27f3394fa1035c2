// @ts-check
/** A distribution as bars of the same width, each a bucket. Pure. @module */
import { bound } from "./format.js";

/** @typedef {import("../../observe/mod.ts").DistributionLive} DistributionLive */

/** Bars that there are at least, so that few values do not fill the width. */
const LEAST_BARS = 7;

/**
 * The bars, marks at the quantiles, and what is written below. `at` are shares of the width, `height` of
 * the highest bar.
 * @param {DistributionLive} distribution
 */
export function histogram({ bounds, counts, count, p50, p95, p99 }) {
  const filled = counts.flatMap((each, at) => each > 0 ? [at] : []);
  let first = filled[0] ?? 0;
  let last = filled.at(-1) ?? 0;
  for (let grow = 0; last - first + 1 < Math.min(LEAST_BARS, counts.length); grow++) {
    if (grow % 2 === 0 && last < counts.length - 1) last++;
    else if (first > 0) first--;
    else last++;
  }
  const shown = counts.slice(first, last + 1);
  const highest = Math.max(1, ...shown);
  const bars = shown.map((each, index) => {
    const upper = bounds[first + index];
    return {
      count: each,
      height: each / highest,
      share: count === 0 ? 0 : each / count,
      label: upper === undefined ? `over ${bound(bounds.at(-1) ?? 0)}` : `up to ${bound(upper)}`,
    };
  });
  /** @param {number | null} ms */
  const placeOf = (ms) => {
    if (ms === null) return undefined;
    const found = bounds.findIndex((upper) => ms <= upper);
    const bucket = found < 0 ? bounds.length : found;
    const [lower, upper] = [bounds[bucket - 1] ?? 0, bounds[bucket]];
    const within = upper === undefined ? 0 : (ms - lower) / (upper - lower);
    return Math.min(1, Math.max(0, (bucket - first + within) / shown.length));
  };
  const marks = /** @type {const} */ ([["p50", p50], ["p95", p95], ["p99", p99]])
    .flatMap(([name, ms]) => {
      const at = placeOf(ms);
      return at === undefined || ms === null ? [] : [{ name, ms, at }];
    });
  const ticks = bounds.slice(first, last)
    .map((upper, index) => ({ at: (index + 1) / shown.length, text: bound(upper) }));
  return { bars, marks, ticks };
}
