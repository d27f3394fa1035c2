/**
 * Large answers and events with their large values set aside, so that what is left is small: ids of a
 * prompt, log-probabilities of an echoed one, a text of megabytes. They are passed on, or left out,
 * as bytes. Work on them is sliced.
 *
 * Of what is set aside, only its end has been looked for. Where it is malformed in itself, that is
 * left to whoever parses it.
 * @module
 */
import {
  BACKSLASH,
  type ByteParts,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  indexOfBytes,
  isSpace,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  skipSpace,
  type Sliced,
  startsWith,
  STEP_BYTES,
} from "../base/mod.ts";
import { JsonScanError, type Span } from "./json_scan.ts";

/** JSON of at most so many bytes is worked on at once, as a whole. */
export const SMALL_JSON_BYTES: number = 256 * 1024;

/** A value that is set aside where it has at least so many bytes. */
const LARGE_BYTES = 16 * 1024;

/** A member's value, as it stands. */
export interface Aside {
  readonly key: string;
  readonly value: Uint8Array;
}

/** A JSON object, parted. */
export interface PartedJson {
  /** The object with a string in the place of each value that is set aside: at most 256 KiB. */
  readonly rest: Uint8Array;
  /** In order; views of the object. */
  readonly aside: readonly Aside[];
}

/**
 * Part an answer or an event from the large values of its own members and of its choices'.
 * Throws `JsonScanError` when it is no object, or when too much is left of it.
 */
export function* setAside(bytes: Uint8Array): Sliced<PartedJson> {
  const found = yield* new LargeValues(bytes).find();
  const kept: Uint8Array[] = [];
  const aside: Aside[] = [];
  let at = 0;
  for (const { key, start, end } of found) {
    kept.push(bytes.subarray(at, start), encodeUtf8(placeOf(aside.length)));
    aside.push({ key: keyOf(bytes, key), value: bytes.subarray(start, end) });
    at = end;
  }
  kept.push(bytes.subarray(at));
  const left = kept.reduce((sum, part) => sum + part.length, 0);
  if (left > SMALL_JSON_BYTES) {
    throw new JsonScanError(`More than ${SMALL_JSON_BYTES} bytes of small values`, bytes.length);
  }
  if (kept.some((part, index) => index % 2 === 0 && indexOfBytes(part, PLACE_START) >= 0)) {
    throw new JsonScanError("A string that stands for another", 0);
  }
  return { rest: concatBytes(kept), aside };
}

/** `parts`, made of a `rest`, with the values in their places again. */
export function putBack(parts: ByteParts, aside: readonly Aside[]): ByteParts {
  if (aside.length === 0) return parts;
  const restored: Uint8Array[] = [];
  for (const part of parts) {
    let from = 0;
    for (
      let at = indexOfBytes(part, PLACE_START);
      at >= 0;
      at = indexOfBytes(part, PLACE_START, from)
    ) {
      const end = part.indexOf(QUOTE, at + 1) + 1;
      const place = decodeUtf8(part.subarray(at, end));
      const found = aside[Number(place.slice(PLACE.length, -1))];
      if (found === undefined) throw new JsonScanError("A place without a value", at);
      restored.push(part.subarray(from, at), found.value);
      from = end;
    }
    restored.push(part.subarray(from));
  }
  return restored.filter(({ length }) => length > 0);
}

/** What `value`, of a parsed `rest`, stands for; undefined where it is itself. */
export function asideOf(value: unknown, aside: readonly Aside[]): Aside | undefined {
  const [mark, number] = typeof value === "string" ? value.split("aside ") : [];
  return mark === "\0\0" ? aside[Number(number)] : undefined;
}

/** A stand-in: the beginning of a JSON string that nothing else has, then a number. */
const PLACE = '"\\u0000\\u0000aside ';
const PLACE_START = encodeUtf8(PLACE);

function placeOf(number: number): string {
  return `${PLACE}${number}"`;
}

function keyOf(bytes: Uint8Array, { start, end }: Span): string {
  return decodeUtf8(bytes.subarray(start + 1, end - 1));
}

const CHOICES = encodeUtf8('"choices"');

/** What a byte outside of strings does to the level: 2 for a quote, which ends the scan of levels. */
const STEPS = new Int8Array(256);
STEPS[OPEN_BRACE] = STEPS[OPEN_BRACKET] = 1;
STEPS[CLOSE_BRACE] = STEPS[CLOSE_BRACKET] = -1;
STEPS[QUOTE] = 2;

/** White space around a value that is looked at. */
const MAX_SPACE = 64;

/** A member whose value is large. */
interface LargeValue extends Span {
  readonly key: Span;
}

/** The member that is being passed, of the object itself or of one of its choices. */
interface Passing {
  key: Span | undefined;
  /** Where its value begins; undefined before its colon. */
  start: number | undefined;
}

/** Levels on which members are told apart: the object's own, and a choice's within its list. */
const TOP = 1;
const CHOICE = 3;

/** Looks for large values, one step's bytes at a time. */
class LargeValues {
  readonly #bytes: Uint8Array;
  readonly #found: LargeValue[] = [];
  readonly #top: Passing = { key: undefined, start: undefined };
  readonly #choice: Passing = { key: undefined, start: undefined };
  #level = 0;
  #inChoices = false;
  /** Where the string begins that is being passed; undefined outside of strings. */
  #string: number | undefined;
  /** How many bytes of the next window have been passed with this one. */
  #skip = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  *find(): Sliced<readonly LargeValue[]> {
    const { length } = this.#bytes;
    const first = skipSpace(this.#bytes.subarray(0, LARGE_BYTES), 0);
    if (this.#bytes[first] !== OPEN_BRACE) throw new JsonScanError("Expected an object", first);
    for (let at = first; at < length; at += STEP_BYTES) {
      if (at > first) yield;
      if (this.#scan(at, this.#window(at))) return this.#found;
    }
    throw new JsonScanError("Unterminated object", length);
  }

  /** The bytes of a step: a copy where a scan would be several times slower, in memory that can be resized. */
  #window(at: number): Uint8Array {
    const { buffer } = this.#bytes;
    return buffer instanceof ArrayBuffer && buffer.resizable
      ? this.#bytes.slice(at, at + STEP_BYTES)
      : this.#bytes.subarray(at, at + STEP_BYTES);
  }

  /** Pass `window`, which stands at `base`. True at the end of the object. */
  #scan(base: number, window: Uint8Array): boolean {
    let at = this.#skip;
    this.#skip = 0;
    while (at < window.length) {
      if (this.#string !== undefined) {
        at = this.#passString(base, window, at);
        continue;
      }
      const passing = this.#passing();
      at = passing === undefined
        ? this.#passLevels(window, at)
        : this.#passMembers(base, window, at, passing);
      if (this.#level === 0) return true;
      if (window[at] === QUOTE) this.#string = base + at++;
    }
    this.#skip = at - window.length;
    return false;
  }

  #passing(): Passing | undefined {
    if (this.#level === TOP) return this.#top;
    return this.#inChoices && this.#level === CHOICE ? this.#choice : undefined;
  }

  #passString(base: number, window: Uint8Array, from: number): number {
    const { at, ended } = stringEnd(window, from);
    if (!ended) return at;
    const passing = this.#passing();
    if (passing !== undefined && passing.start === undefined) {
      passing.key = { start: this.#string ?? 0, end: base + at };
    }
    this.#string = undefined;
    return at;
  }

  /** Up to a string, or to where members are told apart. */
  #passLevels(window: Uint8Array, from: number): number {
    const least = this.#inChoices ? CHOICE : TOP;
    const { length } = window;
    let level = this.#level;
    let at = from;
    for (;;) {
      while (at < length && STEPS[window[at] ?? 0] === 0) at++;
      if (at === length || window[at] === QUOTE) break;
      level += STEPS[window[at] ?? 0] ?? 0;
      at++;
      if (level <= least) break;
    }
    this.#level = level;
    if (level <= TOP && this.#inChoices) {
      this.#inChoices = false;
      // They have been looked into instead.
      this.#top.start = undefined;
    }
    return at;
  }

  /** Up to a string, or to where another level begins. */
  #passMembers(base: number, window: Uint8Array, from: number, passing: Passing): number {
    for (let at = from; at < window.length; at++) {
      switch (window[at]) {
        case QUOTE:
          return at;
        case COLON:
          passing.start ??= base + at + 1;
          break;
        case COMMA:
          this.#pass(passing, base + at);
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (this.#level === TOP) this.#inChoices = this.#opensChoices(base + at);
          this.#level++;
          return at + 1;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#pass(passing, base + at);
          this.#level--;
          return at + 1;
      }
    }
    return window.length;
  }

  #opensChoices(at: number): boolean {
    const { key } = this.#top;
    return this.#bytes[at] === OPEN_BRACKET && key !== undefined &&
      key.end - key.start === CHOICES.length && startsWith(this.#bytes, CHOICES, key.start);
  }

  /** The member ends at `end`. */
  #pass(passing: Passing, end: number): void {
    const { key, start } = passing;
    passing.key = passing.start = undefined;
    if (key === undefined || start === undefined || end - start < LARGE_BYTES) return;
    this.#found.push({ key, ...this.#trimmed(start, end) });
  }

  /** Without the white space around it: engines write little, or none. */
  #trimmed(start: number, end: number): Span {
    const before = this.#bytes.subarray(start, start + MAX_SPACE);
    const after = this.#bytes.subarray(end - MAX_SPACE, end);
    const kept = after.findLastIndex((byte) => !isSpace(byte)) + 1;
    return { start: start + skipSpace(before, 0), end: end - MAX_SPACE + kept };
  }
}

/** A string is scanned byte by byte for so long; beyond it the native search is quicker. */
const SHORT_STRING = 32;

/**
 * The offset behind the string that `from` is in, or the one at which its scan goes on: behind the
 * end of `bytes` where the last of them escapes the next.
 */
function stringEnd(
  bytes: Uint8Array,
  from: number,
): { readonly at: number; readonly ended: boolean } {
  let at = from;
  while (at < bytes.length) {
    const near = Math.min(at + SHORT_STRING, bytes.length);
    while (at < near) {
      const byte = bytes[at];
      if (byte === QUOTE) return { at: at + 1, ended: true };
      at += byte === BACKSLASH ? 2 : 1;
    }
    if (at >= bytes.length) break;
    const quote = bytes.indexOf(QUOTE, at);
    const to = quote < 0 ? bytes.length : quote;
    let slashes = 0;
    // Stops at `at`: what lies before is known not to end in an open escape.
    while (to - 1 - slashes >= at && bytes[to - 1 - slashes] === BACKSLASH) slashes++;
    const escapes = slashes % 2 === 1;
    if (quote >= 0 && !escapes) return { at: quote + 1, ended: true };
    at = escapes ? to + 1 : to;
  }
  return { at, ended: false };
}
