/** Choices made by chance. @module */
import type { Random } from "../../lib/base/mod.ts";

/** A whole number below `limit`, which is at least 1. */
export function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

/** One of `all`, or `fallback` where there is none. */
export function pick<T>(random: Random, all: readonly T[], fallback: T): T {
  return all[below(random, all.length)] ?? fallback;
}

/** True once in about `count` times. */
export function oneIn(random: Random, count: number): boolean {
  return below(random, count) === 0;
}
