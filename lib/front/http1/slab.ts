/** Where the bytes of a body of known length are read to, and stay. @module */
import type { ByteWindow } from "../../http1/mod.ts";
import type { ReadTarget } from "./intake.ts";

/** The first buffer of a body, in bytes, and the largest: they double. */
const FIRST_BYTES = 16 * 1024;
const LARGEST_BYTES = 256 * 1024;

/**
 * A body as large as this gets one buffer for all of it, once this share of it has come: what takes all
 * of it need not copy the rest.
 */
const WHOLE_BYTES = 64 * 1024;
const WHOLE_SHARE = 1 / 4;

const NO_ROOM = new Uint8Array(0);

/**
 * A body's bytes, handed out as they came without a copy: none is overwritten. One buffer is ahead
 * of what was taken at most, less than four times what has come, and no byte behind the body is read.
 */
export class Slab implements ReadTarget {
  readonly #length: number;
  #bytes: Uint8Array<ArrayBuffer>;
  /** A buffer as long as the body, each byte at its place, which `#bytes` is a part of. */
  #whole: Uint8Array<ArrayBuffer> | undefined;
  #taken = 0;
  #filled = 0;
  /** Bytes of the body that have not arrived. */
  #missing: number;

  /** For `length` bytes; the first buffer has room for `atLeast`, as far as they are so many. */
  constructor(length: number, atLeast: number) {
    this.#length = this.#missing = length;
    this.#bytes = new Uint8Array(Math.min(length, Math.max(FIRST_BYTES, atLeast)));
  }

  /** Move what is in `window` here, but for what is behind the body. */
  fillFrom(window: ByteWindow): void {
    const size = Math.min(window.end - window.start, this.#bytes.length - this.#filled);
    this.#bytes.set(window.bytes.subarray(window.start, window.start + size), this.#filled);
    window.start += size;
    this.arrived(size);
  }

  /** True when the last byte has arrived. */
  get complete(): boolean {
    return this.#missing === 0;
  }

  /** True when the last byte has been taken. */
  get done(): boolean {
    return this.#missing === 0 && this.#taken === this.#filled;
  }

  /** Bytes that have not been taken, arrived or not. */
  get left(): number {
    return this.#missing + this.#filled - this.#taken;
  }

  space(): Uint8Array<ArrayBuffer> {
    if (this.#filled < this.#bytes.length) return this.#bytes.subarray(this.#filled);
    if (this.#missing === 0 || this.#taken < this.#filled) return NO_ROOM;
    this.#bytes = this.#next();
    this.#taken = 0;
    this.#filled = 0;
    return this.#bytes;
  }

  #next(): Uint8Array<ArrayBuffer> {
    const come = this.#length - this.#missing;
    if (this.#length >= WHOLE_BYTES && come >= this.#length * WHOLE_SHARE) {
      this.#whole ??= new Uint8Array(this.#length);
    }
    const whole = this.#whole;
    if (whole !== undefined) return whole.subarray(come, come + LARGEST_BYTES);
    return new Uint8Array(
      Math.min(this.#missing, Math.min(this.#bytes.length * 2, LARGEST_BYTES)),
    );
  }

  arrived(size: number): void {
    this.#filled += size;
    this.#missing -= size;
  }

  /** All that has arrived and was not taken, the taker's to keep; undefined for nothing. */
  take(): Uint8Array | undefined {
    if (this.#taken === this.#filled) return undefined;
    const bytes = this.#bytes.subarray(this.#taken, this.#filled);
    this.#taken = this.#filled;
    return bytes;
  }
}
