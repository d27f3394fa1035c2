/** How long calls take that are far shorter than a tick of the clock. @module */
import { median } from "./figures.ts";

/** Something to be timed. */
export interface Timed {
  readonly run: () => unknown;
  /** Called before each `run`, outside the time; each run is timed by itself then. */
  readonly prepare?: () => void;
}

/** How much time is spent, and on which clock. */
export interface TimingOptions {
  readonly rounds: number;
  /** Least time of one subject in one round, in milliseconds. */
  readonly roundMs: number;
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number;
}

/** Most calls in a round, however short they are. */
const MAX_CALLS = 2 ** 24;

/** How often in a row a number of calls must have been enough. */
const SETTLED = 3;

/**
 * Microseconds per call of each of `subjects`, the medians of the rounds. In every round all take
 * their turn, so that noise hits all alike; finding out how many calls make a round warms them up.
 */
export function timeCalls(
  subjects: readonly Timed[],
  { rounds, roundMs, now }: TimingOptions,
): readonly number[] {
  const calls = subjects.map((subject) => callsFor(subject, roundMs, now));
  const samples: number[][] = subjects.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const count = calls[index] ?? 1;
      samples[index]?.push(spentMs(subject, count, now) * 1_000 / count);
    }
  }
  return samples.map(median);
}

/** How many calls take `roundMs`, again and again: the first of a kind take far longer than others. */
function callsFor(subject: Timed, roundMs: number, now: () => number): number {
  let calls = 1;
  for (let enough = 0; calls < MAX_CALLS && enough < SETTLED;) {
    if (spentMs(subject, calls, now) >= roundMs) enough++;
    else [calls, enough] = [calls * 2, 0];
  }
  return calls;
}

function spentMs({ run, prepare }: Timed, calls: number, now: () => number): number {
  if (prepare === undefined) {
    const startedAt = now();
    for (let call = 0; call < calls; call++) run();
    return now() - startedAt;
  }
  let spent = 0;
  for (let call = 0; call < calls; call++) {
    prepare();
    const startedAt = now();
    run();
    spent += now() - startedAt;
  }
  return spent;
}
