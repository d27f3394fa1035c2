/** How times were spread lately, in a few numbers however many there are. @module */
import type { DistributionLive } from "./shapes.ts";

/** Upper bounds of the counts, in milliseconds. */
const BOUNDS_MS = [
  ...[0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000],
] as const;

/** The window is cut into so many slots; the oldest is forgotten as a whole. */
const SLOTS = 10;

/** How long one of them is: together five minutes. */
const SLOT_MS = 30_000;

/** Counts of the last five minutes. */
export class Distribution {
  readonly #counts = new Uint32Array(SLOTS * (BOUNDS_MS.length + 1));
  /** The slot of the latest moment, counted from the clock's zero. */
  #slot: number;

  constructor(nowMs: number) {
    this.#slot = Math.floor(nowMs / SLOT_MS);
  }

  /** Count a time; what is no number is passed over. */
  add(ms: number, nowMs: number): void {
    if (Number.isNaN(ms)) return;
    this.#turn(nowMs);
    let at = 0;
    while (at < BOUNDS_MS.length && ms > (BOUNDS_MS[at] ?? Infinity)) at++;
    const index = (this.#slot % SLOTS) * (BOUNDS_MS.length + 1) + at;
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
  }

  /** What is counted at this moment; undefined for nothing. */
  told(nowMs: number): DistributionLive | undefined {
    this.#turn(nowMs);
    const counts = Array.from({ length: BOUNDS_MS.length + 1 }, (_, at) => this.#sum(at));
    const told = quantilesOf(counts);
    return told.count === 0 ? undefined : { bounds: BOUNDS_MS, counts, ...told };
  }

  #sum(at: number): number {
    let sum = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      sum += this.#counts[slot * (BOUNDS_MS.length + 1) + at] ?? 0;
    }
    return sum;
  }

  /** Empty the slots of the time that has passed since. */
  #turn(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    const passed = Math.min(slot - this.#slot, SLOTS);
    for (let step = 0; step < passed; step++) {
      const from = ((slot - step) % SLOTS) * (BOUNDS_MS.length + 1);
      this.#counts.fill(0, from, from + BOUNDS_MS.length + 1);
    }
    this.#slot = Math.max(slot, this.#slot);
  }
}

/** How many `counts`, of the buckets of all distributions, are, and the times below which shares of them are. */
export function quantilesOf(
  counts: readonly number[],
): Pick<DistributionLive, "count" | "p50" | "p95" | "p99"> {
  const count = counts.reduce((sum, each) => sum + each, 0);
  const of = (share: number): number => quantile(counts, count * share);
  return { count, p50: of(0.5), p95: of(0.95), p99: of(0.99) };
}

/** The time that `rank` of the counted ones do not exceed, as if they were spread evenly between bounds. */
function quantile(counts: readonly number[], rank: number): number {
  let below = 0;
  for (const [at, count] of counts.entries()) {
    const upper = BOUNDS_MS[at];
    const lower = BOUNDS_MS[at - 1] ?? 0;
    if (upper === undefined) return lower;
    if (count > 0 && below + count >= rank) return lower + (upper - lower) * (rank - below) / count;
    below += count;
  }
  return 0;
}
