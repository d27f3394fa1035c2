/** Choices out of a seed. @module */
import type { Random } from "../../lib/base/mod.ts";

/** One of `values`. */
export function pick<T>(random: Random, values: readonly [T, ...T[]]): T {
  const at = Math.floor(random.next() * values.length);
  return values.find((_, index) => index === at) ?? values[0];
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random.next() * (most - least + 1));
}

/** Whether something of probability `share` happens. */
export function happens(random: Random, share: number): boolean {
  return random.next() < share;
}

/** One of `values` by its weight, which is above 0. */
export function pickWeighted<T extends { readonly weight: number }>(
  random: Random,
  values: readonly [T, ...T[]],
): T {
  let left = random.next() * values.reduce((sum, { weight }) => sum + weight, 0);
  for (const value of values) {
    left -= value.weight;
    if (left < 0) return value;
  }
  return values[0];
}
