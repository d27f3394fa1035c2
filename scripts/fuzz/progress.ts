/**
 * Which case is under way, written where another thread can read it: a parser that never comes back
 * lets its own thread do nothing any more.
 * @module
 */
import type { CaseWatch } from "./target.ts";

/** How many cases have begun and ended, so that it is odd within one; and the seed of the last. */
const [TURN, SEED, LENGTH] = [0, 1, 2] as const;

/** Memory that both threads see. */
export function sharedProgress(): SharedArrayBuffer {
  return new SharedArrayBuffer(LENGTH * Int32Array.BYTES_PER_ELEMENT);
}

/** Writes what happens to `shared`. */
export function progressWriter(shared: SharedArrayBuffer): CaseWatch {
  const cells = new Int32Array(shared);
  return {
    begun(seed) {
      Atomics.store(cells, SEED, seed | 0);
      Atomics.add(cells, TURN, 1);
    },
    ended() {
      Atomics.add(cells, TURN, 1);
    },
  };
}

/** Tells of cases that do not end. */
export class HangWatch {
  readonly #cells: Int32Array;
  readonly #looks: number;
  #turn = 0;
  #same = 0;

  /** A case hangs that is the same at so many looks. */
  constructor(shared: SharedArrayBuffer, looks: number) {
    this.#cells = new Int32Array(shared);
    this.#looks = looks;
  }

  /** Look once; the seed of the case that hangs, or undefined. */
  look(): number | undefined {
    const turn = Atomics.load(this.#cells, TURN);
    this.#same = turn === this.#turn && turn % 2 === 1 ? this.#same + 1 : 0;
    this.#turn = turn;
    return this.#same < this.#looks ? undefined : Atomics.load(this.#cells, SEED) >>> 0;
  }
}
