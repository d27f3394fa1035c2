/** Writes the chunked transfer coding (RFC 9112 section 7.1). @module */
import { CR, LF, ZERO } from "../../base/mod.ts";

/** Most bytes that the coding adds to one chunk: a size of 14 digits and two line ends. */
export const MAX_FRAME_BYTES = 18;

/** The end of a chunked body. */
export const LAST_CHUNK: Uint8Array = Uint8Array.of(ZERO, CR, LF, CR, LF);

/** In front of a chunk's size it says nothing. */
export const NO_DIGIT: Uint8Array = Uint8Array.of(ZERO);

const A_LESS_TEN = 0x57;

/** Writes the line that begins a chunk of `size` bytes at `at`; returns the offset behind it. */
export function beginChunk(bytes: Uint8Array, at: number, size: number): number {
  let digits = 1;
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 16)) digits++;
  let rest = size;
  for (let index = at + digits - 1; index >= at; index--) {
    const digit = rest % 16;
    bytes[index] = digit < 10 ? ZERO + digit : A_LESS_TEN + digit;
    rest = Math.floor(rest / 16);
  }
  return endLine(bytes, at + digits);
}

/** Writes a line end at `at`; returns the offset behind it. */
export function endLine(bytes: Uint8Array, at: number): number {
  bytes[at] = CR;
  bytes[at + 1] = LF;
  return at + 2;
}
