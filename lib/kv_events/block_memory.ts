/** How much memory blocks take. @module */
import { slotsFor } from "./hash_slots.ts";

/** Bytes of one block and its holding, with the tables' slots not counted. */
const HOLDING_BYTES = 50;
const PLACE_BYTES = 16;

/** How many blocks fit `maxBytes`, at least 16. */
export function capacityFor(maxBytes: number): number {
  // Slots double: the most blocks whose tables fit too.
  let best = 16;
  for (let slots = 32; slots <= 2 ** 30; slots *= 2) {
    const left = maxBytes - 2 * 4 * slots;
    const most = Math.min(Math.floor(left / (HOLDING_BYTES + PLACE_BYTES)), slots / 2);
    if (most > best) best = most;
  }
  return best;
}

/** Bytes that room for so many blocks takes, tables and all. */
export function takenBy(capacity: number): number {
  return capacity * (HOLDING_BYTES + PLACE_BYTES) + 2 * 4 * slotsFor(capacity);
}
