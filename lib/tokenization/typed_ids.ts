/** A JSON list of ids as numbers, for those who look at each of them. @module */
import { CLOSE_BRACKET, isDigit, type Sliced, STEP_BYTES, ZERO } from "../base/mod.ts";

/**
 * The `count` ids that `ids`, a list of nothing else, holds; in steps. Undefined where one is no number
 * below 2^31, or where they are not as many.
 */
export function* typingIds(ids: Uint8Array, count: number): Sliced<Int32Array | undefined> {
  const typed = new Int32Array(count);
  let filled = 0;
  /** The number that is being read; -1 between two. */
  let value = -1;
  for (let from = 0; from < ids.length; from += STEP_BYTES) {
    if (from > 0) yield;
    const to = Math.min(from + STEP_BYTES, ids.length);
    for (let at = from; at < to; at++) {
      const byte = ids[at] ?? CLOSE_BRACKET;
      if (isDigit(byte)) {
        value = (value < 0 ? 0 : value * 10) + (byte - ZERO);
        if (value > 0x7fff_ffff) return undefined;
      } else if (value >= 0) {
        typed[filled++] = value;
        value = -1;
      }
    }
  }
  return filled === count ? typed : undefined;
}
