/** Long work that lets others have their turn. @module */
import { type Clock, sleep } from "./clock.ts";

/**
 * How many bytes are worked on in one turn of the event loop: a millisecond or two of scanning.
 * Work on more is a generator that yields each time so many have passed.
 */
export const TURN_BYTES: number = 256 * 1024;

/**
 * What `work` returns. Where it yields, the event loop takes a turn: what else is ready to run does,
 * sockets included, which a promise alone does not let in.
 */
export async function inTurns<T>(clock: Clock, work: Generator<void, T, void>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await sleep(clock, 0);
  }
}

/** Long work done at once, where nobody waits for their turn. */
export function atOnce<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** A copy of `bytes` in memory of its own, which is not resizable. */
export function* copyInTurns(bytes: Uint8Array): Generator<void, Uint8Array, void> {
  if (bytes.length <= TURN_BYTES) return bytes.slice();
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += COPIED_BYTES) {
    if (at > 0) yield;
    copy.set(bytes.subarray(at, at + COPIED_BYTES), at);
  }
  return copy;
}

/** How many bytes are copied in one turn. */
const COPIED_BYTES = 4 * TURN_BYTES;
