/** Copies of small bodies, many in one buffer: one of its own for each costs more than the copying. @module */

/** Size of the buffers, in bytes. */
const BLOCK_BYTES = 16 * 1024;

/** Larger bodies get a buffer of their own, so that one kept for long holds little else. */
const LARGEST_BYTES = BLOCK_BYTES / 4;

/** Makes copies that are never written to again. */
export class Copies {
  #block = new Uint8Array(BLOCK_BYTES);
  #at = 0;

  /** A copy of the bytes of `bytes` from `start` to `end`. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size > LARGEST_BYTES) return bytes.slice(start, end);
    if (this.#at + size > BLOCK_BYTES) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#at = 0;
    }
    const copy = this.#block.subarray(this.#at, this.#at + size);
    copy.set(bytes.subarray(start, end));
    this.#at += size;
    return copy;
  }
}
