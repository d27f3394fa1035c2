/**
 * Finds the members of a JSON object in its bytes without building values, so that a request is
 * read once and a body of megabytes is never parsed to look at `model`.
 *
 * Structure (brackets, commas, colons, literals, numbers) is checked strictly; the inside of
 * strings is only skipped, as the engine parses them anyway.
 * @module
 */
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  jsonOf,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipDigits,
  skipSpace,
  ZERO,
} from "../base/mod.ts";

/** A half-open byte range. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One member of an object: its value's range, and where its key begins (at the quote). */
export interface Member extends Span {
  readonly key: string;
  readonly keyStart: number;
}

/** JSON that is none; `offset` is the byte at which it fails. */
export class JsonScanError extends SyntaxError {
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Deeper nesting than any request has; Python's own parser gives up near 1,000. */
const MAX_DEPTH = 512;

/**
 * A string is scanned byte by byte for so long, here and after each escaped quote; beyond it the
 * native search is quicker.
 */
const SHORT_STRING = 32;

/** Keeps a byte order mark: a key that begins with one is another key. */
const keyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The members of the object that `bytes` is, in order, duplicates included.
 * Throws `JsonScanError` when it is not exactly one JSON object.
 */
export function scanObject(bytes: Uint8Array): Member[] {
  const start = skipSpace(bytes, 0);
  const members: Member[] = [];
  const end = skipSpace(bytes, collectMembers(bytes, start, members));
  if (end !== bytes.length) throw new JsonScanError("Unexpected data after the object", end);
  return members;
}

/**
 * The members of the object that begins at `span.start`, as `scanObject` gives them.
 * Throws `JsonScanError` when there is no object.
 */
export function membersOf(bytes: Uint8Array, span: Span): Member[] {
  const members: Member[] = [];
  collectMembers(bytes, span.start, members);
  return members;
}

/**
 * The value of `key` in the object that begins at `span.start`, of duplicates the last; undefined
 * when there is none, or something else than an object. Throws `JsonScanError` when it is malformed.
 */
export function memberOf(bytes: Uint8Array, span: Span, key: string): Member | undefined {
  if (bytes[span.start] !== OPEN_BRACE) return undefined;
  return membersOf(bytes, span).findLast((member) => member.key === key);
}

/** The offset behind the object at `start`. */
function collectMembers(bytes: Uint8Array, start: number, members: Member[]): number {
  if (bytes[start] !== OPEN_BRACE) throw new JsonScanError("Expected an object", start);
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const keyStart = at;
    const keyEnd = skipString(bytes, at);
    at = skipSpace(bytes, keyEnd);
    if (bytes[at] !== COLON) throw new JsonScanError("Expected ':'", at);
    const valueStart = skipSpace(bytes, at + 1);
    const end = skipValue(bytes, valueStart, 1);
    members.push({ key: keyText(bytes, keyStart, keyEnd), keyStart, start: valueStart, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACE) return at + 1;
    if (bytes[at] !== COMMA) throw new JsonScanError("Expected ',' or '}'", at);
    at = skipSpace(bytes, at + 1);
  }
}

/**
 * Ranges of the elements of the array at `span`; at most `limit` of them.
 * Throws `JsonScanError` when there is no array.
 */
export function scanArray(bytes: Uint8Array, span: Span, limit = Infinity): Span[] {
  const elements: Span[] = [];
  if (bytes[span.start] !== OPEN_BRACKET) throw new JsonScanError("Expected an array", span.start);
  let at = skipSpace(bytes, span.start + 1);
  if (bytes[at] === CLOSE_BRACKET) return elements;
  while (elements.length < limit) {
    const end = skipValue(bytes, at, 1);
    elements.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACKET) break;
    at = skipSpace(bytes, at + 1);
  }
  return elements;
}

function keyText(bytes: Uint8Array, start: number, end: number): string {
  const text = keyDecoder.decode(bytes.subarray(start + 1, end - 1));
  if (!text.includes("\\")) return text;
  const key = jsonOf(`"${text}"`);
  if (typeof key !== "string") throw new JsonScanError("Bad escape in a key", start);
  return key;
}

/** The offset behind the string that begins at `start`. */
export function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== QUOTE) throw new JsonScanError("Expected a string", start);
  let at = start + 1;
  for (;;) {
    const near = Math.min(at + SHORT_STRING, bytes.length);
    while (at < near) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) throw new JsonScanError("Unterminated string", start);
    let slashes = 0;
    // Stops at `at`: what lies before is known not to end in an open escape.
    while (quote - 1 - slashes >= at && bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function skipValue(bytes: Uint8Array, start: number, depth: number): number {
  const first = bytes[start];
  switch (first) {
    case QUOTE:
      return skipString(bytes, start);
    case OPEN_BRACKET:
    case OPEN_BRACE:
      return skipContainer(bytes, start, depth);
    case 0x74:
      return skipLiteral(bytes, start, "true");
    case 0x66:
      return skipLiteral(bytes, start, "false");
    case 0x6e:
      return skipLiteral(bytes, start, "null");
    default:
      return skipNumber(bytes, start);
  }
}

function skipContainer(bytes: Uint8Array, start: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new JsonScanError(`Nested deeper than ${MAX_DEPTH}`, start);
  const object = bytes[start] === OPEN_BRACE;
  const close = object ? CLOSE_BRACE : CLOSE_BRACKET;
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === close) return at + 1;
  for (;;) {
    if (object) {
      at = skipSpace(bytes, skipString(bytes, at));
      if (bytes[at] !== COLON) throw new JsonScanError("Expected ':'", at);
      at = skipSpace(bytes, at + 1);
    }
    at = skipSpace(bytes, skipValue(bytes, at, depth + 1));
    const byte = bytes[at];
    if (byte === close) return at + 1;
    if (byte !== COMMA) {
      throw new JsonScanError(`Expected ',' or '${object ? "}" : "]"}'`, at);
    }
    at = skipSpace(bytes, at + 1);
  }
}

function skipLiteral(bytes: Uint8Array, start: number, literal: string): number {
  for (let index = 0; index < literal.length; index++) {
    if (bytes[start + index] !== literal.charCodeAt(index)) {
      throw new JsonScanError("Unexpected character", start + index);
    }
  }
  return start + literal.length;
}

/** The offset behind one or more digits. */
function skipSomeDigits(bytes: Uint8Array, start: number): number {
  const at = skipDigits(bytes, start);
  if (at === start) throw new JsonScanError("Unexpected character", start);
  return at;
}

function skipNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  const leadingZero = bytes[at] === ZERO;
  const end = skipSomeDigits(bytes, at);
  if (leadingZero && end - at > 1) throw new JsonScanError("Leading zero", at);
  at = end;
  if (bytes[at] === 0x2e) at = skipSomeDigits(bytes, at + 1);
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1];
    at = skipSomeDigits(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
  }
  return at;
}
