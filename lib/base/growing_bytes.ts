/** A buffer that grows with what arrives, without what is in it being copied over and over. @module */

import { giveBackBuffer } from "./large_buffer.ts";

/** Up to this size it is copied when it grows; beyond, it grows in place. */
const COPIED_BYTES = 256 * 1024;

/** What is expected is that many times as much as has come, at most, where memory is taken for all of it. */
const QUARTERS = 4;

/** The first size, in bytes, where nothing is known of what comes. */
const FIRST_BYTES = 4 * 1024;

/**
 * Bytes in one piece, to which more are added at the end and of which the first may be dropped.
 *
 * A large one lies in memory of which `limit` bytes are set aside by number and taken as they are
 * needed: adding to it costs as much as what is added, and no single call more than a few
 * milliseconds.
 */
export class GrowingBytes {
  readonly #limit: number;
  readonly #expected: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  /** Somebody has a view of the memory at hand. */
  #lent = false;

  /**
   * `limit`: the most bytes it is ever asked to hold; `expected`: how many there will be, as far as is
   * known. No more than 256 KiB are taken before they have come.
   */
  constructor(limit: number, expected: number = FIRST_BYTES) {
    this.#limit = limit;
    this.#expected = expected;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Memory that is taken, in bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /**
   * The bytes from `start` to `end`, as a view that `append` leaves as it is and `drop` and `clear`
   * do not. Its buffer may be resizable, which not all of the platform takes: copy what goes out.
   */
  view(start = 0, end: number = this.#length): Uint8Array<ArrayBuffer> {
    this.#lent = true;
    return this.#bytes.subarray(start, Math.min(end, this.#length));
  }

  /** Add `bytes`. Throws `RangeError` beyond the limit. */
  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#limit) throw new RangeError(`More than ${this.#limit} bytes`);
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  /** Take the first `count` bytes away. */
  drop(count: number): void {
    const left = this.#bytes.subarray(count, this.#length);
    this.#length = left.length;
    // Memory beyond what is usual is given back.
    if (this.capacity > COPIED_BYTES && left.length <= COPIED_BYTES) this.#become(left.slice());
    else this.#bytes.set(left);
  }

  /** Hold nothing; memory beyond what is usual is given back. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > COPIED_BYTES) this.#become(new Uint8Array(0));
  }

  #become(bytes: Uint8Array<ArrayBuffer>): void {
    giveBackBuffer(this.#bytes);
    this.#bytes = bytes;
  }

  #grow(needed: number): void {
    const { buffer } = this.#bytes;
    const first = Math.min(Math.max(this.#expected, 0), COPIED_BYTES);
    const size = Math.min(Math.max(needed, 2 * this.#bytes.length, first), this.#limit);
    if (buffer.resizable) {
      buffer.resize(size);
      this.#bytes = new Uint8Array(buffer, 0, size);
      return;
    }
    const grown = new Uint8Array(this.#memory(size, needed));
    grown.set(this.#bytes.subarray(0, this.#length));
    if (!this.#lent) giveBackBuffer(this.#bytes);
    this.#bytes = grown;
    this.#lent = false;
  }

  /** For `size` bytes, `needed` at least; for all that are expected, where a quarter of them has come. */
  #memory(size: number, needed: number): ArrayBuffer {
    const expected = Math.min(this.#expected, this.#limit);
    if (size <= COPIED_BYTES) return new ArrayBuffer(size);
    if (needed <= expected && expected <= QUARTERS * this.#length) return new ArrayBuffer(expected);
    return reserved(size, this.#limit);
  }
}

/** Memory of `size` bytes that can grow to `limit`; where addresses are short, that cannot. */
function reserved(size: number, limit: number): ArrayBuffer {
  try {
    return new ArrayBuffer(size, { maxByteLength: limit });
  } catch (error) {
    if (error instanceof RangeError) return new ArrayBuffer(size);
    throw error;
  }
}
