/**
 * Finds the members of a JSON object in its bytes without building values, so that a request is
 * read once and a body of megabytes is never parsed to look at `model`.
 *
 * Structure (brackets, commas, colons, literals, numbers) is checked strictly; the inside of
 * strings is only skipped, as the engine parses them anyway.
 * @module
 */
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  jsonOf,
  OPEN_BRACE,
  OPEN_BRACKET,
  plainText,
  QUOTE,
  skipSpace,
  type Sliced,
  SMALL_BYTES,
} from "../base/mod.ts";
import { JsonScanError, MAX_DEPTH, passScalar, passString } from "./json_tokens.ts";
import { JsonWalk } from "./json_walk.ts";

export { JsonScanError };

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

/** What a scan of a whole object takes. */
export interface ScanOptions {
  /**
   * Members at most.
   * @default any number
   */
  readonly maxMembers?: number;
  /**
   * Take `NaN`, `Infinity` and `-Infinity` for numbers, as Python does.
   * @default false
   */
  readonly python?: boolean;
}

/** An object has more members than it may have. */
export class TooManyMembers extends JsonScanError {
  /** How many were found, one more than are allowed. */
  readonly found: number;

  constructor(found: number, offset: number) {
    super(`More than ${found - 1} members`, offset);
    this.found = found;
  }
}

/** Keeps a byte order mark: a key that begins with one is another key. */
const keyDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * The members of the object that `bytes` is, in order, duplicates included.
 * Throws `JsonScanError` when it is not exactly one JSON object.
 */
export function scanObject(bytes: Uint8Array, options: ScanOptions = {}): Member[] {
  const start = skipSpace(bytes, 0);
  const members: Member[] = [];
  const end = skipSpace(bytes, collectMembers(bytes, start, members, options));
  if (end !== bytes.length) throw new JsonScanError("Unexpected data after the object", end);
  return members;
}

/** `scanObject` in steps; what has one step's size is scanned by the quicker way. */
export function* scanningObject(
  bytes: Uint8Array,
  options: ScanOptions = {},
): Sliced<Member[]> {
  if (bytes.length <= SMALL_BYTES) return scanObject(bytes, options);
  const { python = false, maxMembers = Infinity } = options;
  const walk = new JsonWalk(bytes, 0, { root: OPEN_BRACE, depth: 1, whole: true, python });
  const members: Member[] = [];
  for (let event = yield* walk.going(); event !== "end"; event = yield* walk.going()) {
    if (event !== "value") continue;
    const { keyStart, keyEnd, start, at } = walk;
    if (keyEnd - keyStart > SMALL_BYTES) {
      throw new JsonScanError(`A key of more than ${SMALL_BYTES} bytes`, keyStart);
    }
    if (members.length >= maxMembers) throw new TooManyMembers(members.length + 1, keyStart);
    members.push({ key: keyText(bytes, keyStart, keyEnd), keyStart, start, end: at });
  }
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
function collectMembers(
  bytes: Uint8Array,
  start: number,
  members: Member[],
  { maxMembers = Infinity, python = false }: ScanOptions = {},
): number {
  if (bytes[start] !== OPEN_BRACE) throw new JsonScanError("Expected an object", start);
  let at = skipSpace(bytes, start + 1);
  if (bytes[at] === CLOSE_BRACE) return at + 1;
  for (;;) {
    const keyStart = at;
    const keyEnd = skipString(bytes, at);
    at = skipSpace(bytes, keyEnd);
    if (bytes[at] !== COLON) throw new JsonScanError("Expected ':'", at);
    const valueStart = skipSpace(bytes, at + 1);
    const end = skipValue(bytes, valueStart, 1, python);
    if (members.length >= maxMembers) throw new TooManyMembers(members.length + 1, keyStart);
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
    const end = skipValue(bytes, at, 1, true);
    elements.push({ start: at, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === CLOSE_BRACKET) break;
    at = skipSpace(bytes, at + 1);
  }
  return elements;
}

/** Whether the key at `start` to `end`, quotes included, is `name`, of letters, however it is written. */
export function keyIs(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  const more = end - start - 2 - name.length;
  if (more === 0) return isAt(bytes, start + 1, name);
  // An escaped letter takes five bytes more, as `\u0061`.
  return more > 0 && more % 5 === 0 && more <= 5 * name.length &&
    keyText(bytes, start, end) === name;
}

function isAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}

function keyText(bytes: Uint8Array, start: number, end: number): string {
  const plain = plainText(bytes, start + 1, end - 1);
  if (plain !== undefined) return plain;
  const text = keyDecoder.decode(bytes.subarray(start + 1, end - 1));
  if (!text.includes("\\")) return text;
  const key = jsonOf(`"${text}"`);
  if (typeof key !== "string") throw new JsonScanError("Bad escape in a key", start);
  return key;
}

/** The offset behind the string that begins at `start`. */
export function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== QUOTE) throw new JsonScanError("Expected a string", start);
  const behind = passString(bytes, start + 1, bytes.length);
  if (behind < 0) throw new JsonScanError("Unterminated string", start);
  return behind;
}

function skipValue(bytes: Uint8Array, start: number, depth: number, python: boolean): number {
  const first = bytes[start];
  if (first === QUOTE) return skipString(bytes, start);
  return first === OPEN_BRACKET || first === OPEN_BRACE
    ? skipContainer(bytes, start, depth, python)
    : passScalar(bytes, start, python);
}

function skipContainer(bytes: Uint8Array, start: number, depth: number, python: boolean): number {
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
    at = skipSpace(bytes, skipValue(bytes, at, depth + 1, python));
    const byte = bytes[at];
    if (byte === close) return at + 1;
    if (byte !== COMMA) {
      throw new JsonScanError(`Expected ',' or '${object ? "}" : "]"}'`, at);
    }
    at = skipSpace(bytes, at + 1);
  }
}
