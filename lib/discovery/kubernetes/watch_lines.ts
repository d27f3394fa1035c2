/** A stream of bytes as lines, one event each. @module */
import { GrowingBytes, RouterError } from "../../base/mod.ts";

const LINE_FEED = 0x0a;

/** Gathers lines; what is not one yet is held, up to a bound. */
export class WatchLines {
  readonly #limit: number;
  readonly #held: GrowingBytes;

  /** `limit`: the longest line, in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#held = new GrowingBytes(limit);
  }

  /**
   * The lines that `bytes` completes, without their line feeds; each is valid until the next one is
   * asked for, as `bytes` are. Throws `RouterError` `upstream-protocol` where one is too long.
   */
  *push(bytes: Uint8Array): Generator<Uint8Array> {
    let rest = bytes;
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      const piece = rest.subarray(0, end);
      rest = rest.subarray(end + 1);
      this.#check(piece);
      if (this.#held.length === 0) {
        if (piece.length > 0) yield piece;
        continue;
      }
      this.#held.append(piece);
      yield this.#held.view();
      this.#held.clear();
    }
    this.#check(rest);
    if (rest.length > 0) this.#held.append(rest);
  }

  #check(piece: Uint8Array): void {
    if (this.#held.length + piece.length <= this.#limit) return;
    throw new RouterError("upstream-protocol", `An event is longer than ${this.#limit} bytes`);
  }
}
