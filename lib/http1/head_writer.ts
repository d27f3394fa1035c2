/** Writes heads, of requests or of responses, into a buffer. @module */
import { ZERO } from "../base/mod.ts";
import { CHARS, TOKEN } from "./chars.ts";

/**
 * Appends to a buffer that is large enough: what is written is counted beforehand. A text beyond
 * its end is cut, and `at` tells so.
 */
export class HeadWriter {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the next byte goes. */
  at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  /**
   * Text from outside: one byte per character, each of the given kind. False when one is not, or
   * when a token has none; what was written of it is to be thrown away with the head.
   */
  text(text: string, kind: number): boolean {
    const { bytes } = this;
    const length = text.length;
    let at = this.at;
    if (length === 0 && kind === TOKEN) return false;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (((CHARS[code] ?? 0) & kind) === 0) return false;
      bytes[at++] = code;
    }
    this.at = at;
    return true;
  }

  /** US-ASCII text of this program, or known to be such. */
  literal(text: string): void {
    const { bytes } = this;
    const length = text.length;
    let at = this.at;
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i);
    this.at = at;
  }

  /** A whole number from 0 on, in decimal digits. */
  number(value: number): void {
    const { bytes } = this;
    let end = this.at + 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
    this.at = end;
    let rest = value;
    do {
      bytes[--end] = ZERO + rest % 10;
      rest = Math.floor(rest / 10);
    } while (rest > 0);
  }

  /** Bytes as they are. Throws `RangeError` where there is no room. */
  copy(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
}
