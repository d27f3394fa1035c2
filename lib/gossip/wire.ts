/** Numbers and texts as bytes: each in one way alone, so that what is not of our making is told from it. @module */
import { encodeUtf8 } from "../base/mod.ts";

/** Bits of a number in one byte; the eighth says that more follow. */
const BITS = 128;

/** Bytes of the largest exact integer. */
const MAX_UINT_BYTES = 8;

/** Writes into memory of its own that grows as it must. */
export class WireWriter {
  #bytes = new Uint8Array(4 * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What has been written, until more is. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Begin anew. */
  reset(): void {
    this.#length = 0;
  }

  /** A byte, 0 to 255. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Set a byte that has been written. */
  patch(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** A number: fractions are rounded up, and what is not between 0 and 2^53 - 1 is the nearest that is. */
  uint(value: number): void {
    this.#reserve(MAX_UINT_BYTES);
    const least = value > 0 ? Math.ceil(value) : 0;
    let rest = Math.min(least, Number.MAX_SAFE_INTEGER);
    while (rest >= BITS) {
      const higher = Math.floor(rest / BITS);
      this.#bytes[this.#length++] = BITS + (rest - higher * BITS);
      rest = higher;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A text, with its length in front. */
  text(value: string): void {
    const bytes = encodeUtf8(value);
    this.uint(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    grown.set(this.view());
    this.#bytes = grown;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads what a writer has written. Once something was not there, or not as a writer writes it, it has
 * failed, is at its end, and all it gives is 0 and "".
 */
export class WireReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Nothing is left. */
  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** It is no message of ours. */
  fail(): void {
    this.#failed = true;
    this.#at = this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) {
      this.fail();
      return 0;
    }
    this.#at++;
    return value;
  }

  uint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= MAX_UINT_BYTES; count++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at++;
      if (byte < BITS) {
        value += byte * scale;
        if ((byte === 0 && count > 1) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      value += (byte - BITS) * scale;
      scale *= BITS;
    }
    this.fail();
    return 0;
  }

  /** A text of at most `most` bytes. */
  text(most: number): string {
    const length = this.uint();
    if (length > most || length > this.#bytes.length - this.#at) this.fail();
    if (this.#failed) return "";
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    try {
      return decoder.decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.fail();
      return "";
    }
  }
}
