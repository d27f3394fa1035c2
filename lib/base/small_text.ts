/** Texts that are read again and again, such as the keys of requests: made once, and told by their bytes. @module */
import { BACKSLASH, QUOTE, SPACE } from "./ascii.ts";
import { decodeUtf8 } from "./bytes.ts";

/** Longest text that is remembered, in bytes, and how many are; a power of two. */
const LONGEST = 48;
const REMEMBERED = 512;

/** By a number made of their bytes; another one with that number takes the place. */
const known: (string | undefined)[] = new Array<string | undefined>(REMEMBERED).fill(undefined);

/**
 * The text of `bytes` from `start` to `end` where it is short, US-ASCII and can stand between quotes in
 * JSON as it is; undefined for any other. The platform's decoder costs a microsecond for whatever it is.
 */
export function plainText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start > LONGEST) return undefined;
  let sum = end - start;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < SPACE || byte >= 0x80 || byte === QUOTE || byte === BACKSLASH) return undefined;
    sum = (sum * 31 + byte) | 0;
  }
  const place = (sum ^ (sum >>> 9)) & (REMEMBERED - 1);
  const text = known[place];
  if (text !== undefined && isAt(bytes, start, end, text)) return text;
  const fresh = decodeUtf8(bytes.subarray(start, end));
  known[place] = fresh;
  return fresh;
}

function isAt(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
