/** The `Date` field of answers. @module */
import { type Clock, encodeUtf8 } from "../../base/mod.ts";

/** Makes the field's line once a second. */
export class DateField {
  readonly #clock: Clock;
  #second = -1;
  #line: Uint8Array = new Uint8Array(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `date: Sun, 06 Nov 1994 08:49:37 GMT`, with its end (RFC 9110 section 5.6.7). */
  line(): Uint8Array {
    const second = Math.floor(this.#clock.unixMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = encodeUtf8(`date: ${new Date(second * 1000).toUTCString()}\r\n`);
    }
    return this.#line;
  }
}
