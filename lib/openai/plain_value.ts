/** Values of JSON that are read without a parser: those that most fields of requests have. @module */
import { BACKSLASH, isDigit, QUOTE, ZERO } from "../base/mod.ts";

/** Longest text that is read so, in bytes. */
const MAX_TEXT = 64;

/** Digits of a number that is read so, at most: all of these are exact. */
const MAX_DIGITS = 15;

/**
 * The value of `raw`, JSON of one value without white space around it: of `true` and `false`, of a short
 * text in plain ASCII and of a short whole number. Undefined for all others, and for what is no JSON.
 */
export function plainValue(raw: Uint8Array): string | number | boolean | undefined {
  const first = raw[0] ?? 0;
  if (first === QUOTE) return plainText(raw);
  if (isDigit(first)) return plainNumber(raw);
  if (isText(raw, "true")) return true;
  return isText(raw, "false") ? false : undefined;
}

function plainText(raw: Uint8Array): string | undefined {
  const end = raw.length - 1;
  if (end < 1 || end > MAX_TEXT || raw[end] !== QUOTE) return undefined;
  let text = "";
  for (let at = 1; at < end; at++) {
    const byte = raw[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function plainNumber(raw: Uint8Array): number | undefined {
  const { length } = raw;
  if (length > MAX_DIGITS || (raw[0] === ZERO && length > 1)) return undefined;
  let value = 0;
  for (let at = 0; at < length; at++) {
    const byte = raw[at] ?? 0;
    if (!isDigit(byte)) return undefined;
    value = value * 10 + (byte - ZERO);
  }
  return value;
}

function isText(raw: Uint8Array, text: string): boolean {
  if (raw.length !== text.length) return false;
  for (let at = 0; at < text.length; at++) if (raw[at] !== text.charCodeAt(at)) return false;
  return true;
}
