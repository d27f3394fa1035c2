/** The smallest parts of JSON text, passed over. @module */
import { BACKSLASH, isDigit, QUOTE, ZERO } from "../base/mod.ts";

/** JSON that is none; `offset` is the byte at which it fails. */
export class JsonScanError extends SyntaxError {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Deeper nesting than any request has; Python's own parser gives up near 1,000. */
export const MAX_DEPTH = 512;

const MINUS = 0x2d;

/** Fewer digits than this may follow one another; Python takes no integer of more than 4,300. */
const MAX_DIGITS = 4_301;

/**
 * A string is passed over byte by byte for so long, here and after each escaped quote; beyond it the
 * native search is quicker.
 */
const SHORT_STRING = 32;

/**
 * The offset behind the string whose inside goes on at `from`, which no escape is open at; or, where
 * it does not end before `end`, the bitwise complement of the offset at which its inside goes on.
 */
export function passString(bytes: Uint8Array, from: number, end: number): number {
  let at = from;
  for (;;) {
    const near = Math.min(at + SHORT_STRING, end);
    while (at < near) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    if (at >= end) return ~at;
    const quote = bytes.indexOf(QUOTE, at);
    const last = quote < 0 ? end : quote;
    let slashes = 0;
    // Stops at `at`: what lies before is known not to end in an open escape.
    while (last - 1 - slashes >= at && bytes[last - 1 - slashes] === BACKSLASH) slashes++;
    if (quote < 0) return ~(end + slashes % 2);
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/**
 * The offset behind the number or literal at `start`; with `python`, `NaN`, `Infinity` and
 * `-Infinity` are numbers.
 */
export function passScalar(bytes: Uint8Array, start: number, python: boolean): number {
  const byte = bytes[start] ?? 0;
  return byte === MINUS || isDigit(byte)
    ? passNumber(bytes, start, python)
    : passLiteral(bytes, start, python);
}

function passLiteral(bytes: Uint8Array, start: number, python: boolean): number {
  switch (bytes[start]) {
    case 0x74:
      return passText(bytes, start, "true");
    case 0x66:
      return passText(bytes, start, "false");
    case 0x6e:
      return passText(bytes, start, "null");
    case 0x4e:
      if (python) return passText(bytes, start, "NaN");
      break;
    case 0x49:
      if (python) return passText(bytes, start, "Infinity");
  }
  throw new JsonScanError("Unexpected character", start);
}

function passText(bytes: Uint8Array, start: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) {
      throw new JsonScanError("Unexpected character", start + index);
    }
  }
  return start + text.length;
}

function passNumber(bytes: Uint8Array, start: number, python: boolean): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  if (python && at > start && bytes[at] === 0x49) return passText(bytes, at, "Infinity");
  const leadingZero = bytes[at] === ZERO;
  const whole = passDigits(bytes, at);
  if (leadingZero && whole - at > 1) throw new JsonScanError("Leading zero", at);
  at = whole;
  if (bytes[at] === 0x2e) at = passDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    at = passDigits(bytes, sign === 0x2b || sign === MINUS ? at + 2 : at + 1);
  }
  return at;
}

/** The offset behind one or more digits, but not behind too many. */
function passDigits(bytes: Uint8Array, start: number): number {
  const most = start + MAX_DIGITS;
  const end = most < bytes.length ? most : bytes.length;
  let at = start;
  while (at < end) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) break;
    at++;
  }
  if (at === start) throw new JsonScanError("Unexpected character", start);
  if (at === most) throw new JsonScanError(`A number of ${MAX_DIGITS} digits or more`, start);
  return at;
}
