/** Long work in slices, between which the event loop turns. @module */

/**
 * Work that yields at the end of each step and returns its result. A step takes a millisecond or
 * two at most, whatever it works on.
 */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Bytes to look at one by one in a step: about a millisecond's work. */
export const STEP_BYTES = 64 * 1024;

/** Bytes to copy in a step. */
export const COPY_STEP_BYTES = 2 * 1024 * 1024;

/** What long work asks whether it may go on. */
export interface Breather {
  /** Whether such work has had its share of this turn of the event loop. */
  tired(): boolean;
  /** Resolves in a later turn; of several that rest, one in each. */
  pause(): Promise<void>;
}

/** How long all such work together may go on in one turn, in milliseconds. */
const TURN_MS = 4;

/** Do `work` in one go: for what is known to be small. */
export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/**
 * Do `work`, resting between steps where the turn is used up; without a breather, in one go. What has
 * one step alone never rests.
 */
export async function inSlices<T>(work: Sliced<T>, breather: Breather | undefined): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    if (breather?.tired() === true) await breather.pause();
  }
}

/**
 * The machine's event loop. A timer's turn and not a message's or an immediate's: chains of these
 * were measured to keep sockets waiting for up to 750 ms (Deno 2.9.6).
 */
export function systemBreather(): Breather {
  const waiting: (() => void)[] = [];
  /** When such work began in this turn; undefined where there has been none. */
  let since: number | undefined;
  const turn = (): void => {
    const resume = waiting.shift();
    since = resume === undefined ? undefined : performance.now();
    if (resume === undefined) return;
    setTimeout(turn, 0);
    resume();
  };
  return {
    tired() {
      if (since !== undefined) return performance.now() - since >= TURN_MS;
      since = performance.now();
      setTimeout(turn, 0);
      return false;
    },
    pause() {
      if (since === undefined) setTimeout(turn, 0);
      since ??= performance.now();
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** A copy of `bytes` in memory of its own, which is not resizable. */
export function* copying(bytes: Uint8Array): Sliced<Uint8Array> {
  if (bytes.length <= COPY_STEP_BYTES) return bytes.slice();
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += COPY_STEP_BYTES) {
    if (at > 0) yield;
    copy.set(bytes.subarray(at, at + COPY_STEP_BYTES), at);
  }
  return copy;
}
