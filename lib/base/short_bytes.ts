/**
 * Bytes of what is short and soon over, many in one buffer: a buffer of its own costs each of them
 * more, to make and to collect, than writing it does.
 * @module
 */

/** Bytes of a buffer. It is kept as long as anything in it is. */
const SLAB_BYTES = 8 * 1024;

/** What is longer gets a buffer of its own. */
const SHORT_BYTES = 1024;

const encoder = new TextEncoder();

/** Buffers that are filled from their beginning, one after the other; nothing is written twice. */
class Slab {
  #bytes = new Uint8Array(0);
  #used = 0;

  text(text: string): Uint8Array<ArrayBuffer> {
    const { length } = text;
    if (length > SHORT_BYTES) return encoder.encode(text);
    const from = this.#room(length);
    const bytes = this.#bytes;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      // What has been written of it so far is written over.
      if (code > 0x7f) return encoder.encode(text);
      bytes[from + at] = code;
    }
    this.#used = from + length;
    return bytes.subarray(from, from + length);
  }

  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes;
    if (length > SHORT_BYTES) return bytes.slice();
    const from = this.#room(length);
    this.#bytes.set(bytes, from);
    this.#used = from + length;
    return this.#bytes.subarray(from, from + length);
  }

  /** Where there is room for so many. */
  #room(length: number): number {
    if (this.#used + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    return this.#used;
  }
}

const slab = new Slab();

/**
 * UTF-8 bytes of `text`, within a buffer that others are in too. For what lives no longer than a
 * request is under way: the buffer is kept as long.
 */
export function shortUtf8(text: string): Uint8Array<ArrayBuffer> {
  return slab.text(text);
}

/** A copy of `bytes`, as `shortUtf8` makes it. */
export function shortCopy(bytes: Uint8Array): Uint8Array {
  return slab.copy(bytes);
}
