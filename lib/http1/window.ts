/**
 * A buffer that is filled at one end and read at the other.
 * @module
 */

/** How much larger a buffer becomes that was filled. */
const GROWTH = 4;

/** Bytes `start` to `end` of `bytes` have arrived and have not been taken. */
export class ByteWindow {
  /** Another one when it has grown. */
  bytes: Uint8Array<ArrayBuffer>;
  start = 0;
  end = 0;
  readonly #most: number;

  /** `capacity` bytes at first, and `most` where more than that arrive at a time. */
  constructor(capacity: number, most = capacity) {
    this.bytes = new Uint8Array(capacity);
    this.#most = most;
  }

  /**
   * Where the next bytes go, never empty unless the window is full: what is left is moved to the
   * front when there is no room behind it. Views handed out before are invalid afterwards.
   */
  space(): Uint8Array<ArrayBuffer> {
    if (this.end === this.bytes.length && this.end < this.#most) this.#grow();
    if (this.start === this.end) {
      this.start = 0;
      this.end = 0;
      return this.bytes;
    }
    if (this.end === this.bytes.length) this.compact();
    return this.bytes.subarray(this.end);
  }

  /** Move what is left to the front, so that all room is behind it. */
  compact(): void {
    this.bytes.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.min(this.#most, this.bytes.length * GROWTH));
    larger.set(this.bytes.subarray(this.start, this.end));
    this.bytes = larger;
    this.end -= this.start;
    this.start = 0;
  }
}
