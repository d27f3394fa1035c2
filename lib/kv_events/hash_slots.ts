/** A table from 64-bit keys to places in arrays; the keys themselves stay in those arrays. @module */

/** What is at no place. */
export const NOWHERE = -1;

/** Open addressing with linear probing; what is deleted leaves no mark. Never fuller than half. */
export class HashSlots {
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  /** `low` and `high` are the keys by place; there are at most as many places as they have items. */
  constructor(low: Int32Array, high: Int32Array) {
    const size = slotsFor(low.length);
    this.#slots = new Int32Array(size);
    this.#mask = size - 1;
    this.#low = low;
    this.#high = high;
  }

  /**
   * The first place with that key of which `is` holds, `NOWHERE` without. Keys come well mixed: the low
   * half alone says where to look.
   */
  find(low: number, high: number, is?: (place: number) => boolean): number {
    for (let slot = low & this.#mask;; slot = (slot + 1) & this.#mask) {
      // Slots are one more than places, as memory begins with 0.
      const place = (this.#slots[slot] as number) - 1;
      if (place === NOWHERE) return NOWHERE;
      if (this.#low[place] !== low || this.#high[place] !== high) continue;
      if (is === undefined || is(place)) return place;
    }
  }

  /** Enter `place`, whose key is in the arrays. */
  add(place: number): void {
    let slot = (this.#low[place] as number) & this.#mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = place + 1;
  }

  /** Take `place` out, which is in; its key is still in the arrays. */
  delete(place: number): void {
    const mask = this.#mask;
    let hole = (this.#low[place] as number) & mask;
    while (this.#slots[hole] !== place + 1) hole = (hole + 1) & mask;
    // Those behind it move up, as far as they may.
    for (let slot = (hole + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const other = this.#slots[slot] as number;
      const home = (this.#low[other - 1] as number) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      this.#slots[hole] = other;
      hole = slot;
    }
    this.#slots[hole] = 0;
  }
}

/** Slots for `places`, at least twice as many. */
export function slotsFor(places: number): number {
  let size = 16;
  while (size < 2 * places) size *= 2;
  return size;
}
