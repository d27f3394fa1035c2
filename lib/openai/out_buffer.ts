/** Bytes on their way to a client. @module */

/** Larger parts are not gathered with others: what is given out of them is copied piece by piece. */
const LARGE_BYTES = 256 * 1024;

/** Room for small parts at first, in bytes. */
const FIRST_BYTES = 1024;

/**
 * Gathers small parts for one write, and gives large ones out in pieces. A large part is not copied
 * before it is taken: until then it must stay as it is.
 */
export class OutBuffer {
  #bytes = new Uint8Array(0);
  #length = 0;
  /** What comes before the bytes gathered. */
  #before: Uint8Array[] = [];

  add(part: Uint8Array): void {
    if (part.length > LARGE_BYTES) {
      if (this.#length > 0) this.#before.push(this.#gathered());
      this.#before.push(part);
      return;
    }
    const needed = this.#length + part.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2, FIRST_BYTES));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = needed;
  }

  /** The next bytes, the caller's to keep; undefined for none. */
  take(): Uint8Array | undefined {
    const [first] = this.#before;
    if (first === undefined) return this.#length === 0 ? undefined : this.#gathered();
    if (first.length > LARGE_BYTES) this.#before[0] = first.subarray(LARGE_BYTES);
    else this.#before.shift();
    return first.slice(0, LARGE_BYTES);
  }

  #gathered(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}
