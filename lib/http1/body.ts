/**
 * Takes body bytes out of a byte window, framing removed, as views that copy nothing.
 * @module
 */
import type { ByteWindow } from "./window.ts";
import { WireError } from "./wire_error.ts";

/** The body of one message. */
export interface BodyDecoder {
  /** True when the last byte, framing included, has been taken. */
  readonly done: boolean;
  /**
   * The next body bytes in `window`, never empty, as a view into it; undefined when it holds none.
   * Moves the window's start behind all it has taken. Throws `WireError` on malformed framing, but
   * only after the bytes in front of it have been returned.
   */
  take(window: ByteWindow): Uint8Array | undefined;
  /** The connection has ended. Throws `WireError` if the body has not. */
  end(): void;
}

/** A body of a known number of bytes. */
export class FixedBody implements BodyDecoder {
  readonly #length: number;
  #left: number;

  constructor(length: number) {
    this.#length = length;
    this.#left = length;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  /** Bytes that have not been taken. */
  get left(): number {
    return this.#left;
  }

  take(window: ByteWindow): Uint8Array | undefined {
    const { bytes, start } = window;
    const size = Math.min(this.#left, window.end - start);
    if (size === 0) return undefined;
    window.start = start + size;
    this.#left -= size;
    return bytes.subarray(start, start + size);
  }

  end(): void {
    if (this.#left === 0) return;
    throw new WireError(`body cut, ${this.#left} of ${this.#length} bytes missing`);
  }
}

/** A body that ends where the connection does. */
export class ClosingBody implements BodyDecoder {
  #done = false;

  get done(): boolean {
    return this.#done;
  }

  take(window: ByteWindow): Uint8Array | undefined {
    const { bytes, start, end } = window;
    if (start === end) return undefined;
    window.start = end;
    return bytes.subarray(start, end);
  }

  end(): void {
    this.#done = true;
  }
}
