/** Lists of token ids as JSON text, never made into numbers where that can be avoided. @module */
import {
  atOnce,
  CLOSE_BRACKET,
  COMMA,
  decodeUtf8,
  isDigit,
  isSpace,
  OPEN_BRACKET,
  type Sliced,
  STEP_BYTES,
  ZERO,
} from "../base/mod.ts";

/** Bytes of ids in a step: there is little to do for each. */
const ID_STEP_BYTES = 4 * STEP_BYTES;

/** What a byte of a list of ids can follow. */
const Behind = { start: 0, comma: 1, digit: 2, zero: 3, space: 4 } as const;
type Behind = (typeof Behind)[keyof typeof Behind];

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Four bytes of one kind. */
const HIGHEST = 0x80808080 | 0;
const LOWEST = 0x80;
const ONES = 0x01010101;
const OTHER_BITS = 0x7f7f7f7f;
const COMMAS = 0x2c2c2c2c;
const ZEROS = 0x30303030;
const BELOW_TEN = 0x76767676;

/** The highest bit of each byte of `word` that is zero. */
function zeros(word: number): number {
  return ~(((word & OTHER_BITS) + OTHER_BITS) | word | OTHER_BITS);
}

/** Counts the ids of a list, part by part. */
class IdCounter {
  count = 0;
  #behind: Behind = Behind.start;

  /** Pass over a part of what stands between the brackets; false for what no list of ids has. */
  pass(raw: Uint8Array, from: number, to: number): boolean {
    const aligned = Math.min(to, from + (-(raw.byteOffset + from) & 3));
    if (!this.#passBytes(raw, from, aligned)) return false;
    return this.#passBytes(raw, this.#passWords(raw, aligned, to), to);
  }

  /**
   * Pass over digits and commas, four at a time, up to where something else comes; returns the offset
   * behind them. All four bytes are looked at together, by the highest bit of each.
   */
  #passWords(raw: Uint8Array, from: number, to: number): number {
    if (!LITTLE_ENDIAN || this.#behind > Behind.digit || to - from < 4) return from;
    const words = new Int32Array(raw.buffer, raw.byteOffset + from, (to - from) >> 2);
    const { length } = words;
    let begins = this.#behind === Behind.digit ? 0 : LOWEST;
    let count = this.count;
    let at = 0;
    for (; at < length; at++) {
      const word = words[at] ?? 0;
      const commas = zeros(word ^ COMMAS);
      const fromZero = word ^ ZEROS;
      // A digit less its zero is below ten: with so much added, still below 128.
      const others = ((fromZero + BELOW_TEN) | word) & HIGHEST;
      const after = (commas << 8) | begins;
      const isUsual = others === commas && (commas & after) === 0 &&
        (zeros(fromZero) & after) === 0;
      if (!isUsual) break;
      count += Math.imul((after >>> 7) & ONES, ONES) >>> 24;
      begins = (commas >>> 24) & LOWEST;
    }
    this.count = count;
    if (at > 0) this.#behind = begins === 0 ? Behind.digit : Behind.comma;
    return from + 4 * at;
  }

  #passBytes(raw: Uint8Array, from: number, to: number): boolean {
    let behind = this.#behind;
    let count = this.count;
    for (let at = from; at < to; at++) {
      const byte = raw[at] ?? 0;
      if (isDigit(byte)) {
        if (behind === Behind.digit) continue;
        if (behind > Behind.comma) return false;
        behind = byte === ZERO ? Behind.zero : Behind.digit;
        count++;
      } else if (byte === COMMA) {
        if (behind < Behind.digit) return false;
        behind = Behind.comma;
      } else {
        if (!isSpace(byte)) return false;
        if (behind >= Behind.digit) behind = Behind.space;
      }
    }
    this.#behind = behind;
    this.count = count;
    return true;
  }

  /** Whether the list may end here. */
  get whole(): boolean {
    return this.#behind !== Behind.comma;
  }
}

/**
 * Whether `raw` is a list of ids: of digits, commas and white space alone, so that it can be spliced
 * into another.
 */
export function isIdList(raw: Uint8Array): boolean {
  return countUncheckedIds(raw) !== undefined;
}

/** How many ids a JSON list of nothing else holds. */
export function countIds(ids: Uint8Array): number {
  return countUncheckedIds(ids) ?? 0;
}

/**
 * How many ids `raw` holds, bytes that are not known to be JSON; undefined when they are not exactly
 * one list of ids.
 */
export function countUncheckedIds(raw: Uint8Array): number | undefined {
  return atOnce(countingIds(raw));
}

/** `countUncheckedIds` in steps. */
export function* countingIds(raw: Uint8Array): Sliced<number | undefined> {
  const end = raw.length - 1;
  if (raw[0] !== OPEN_BRACKET || raw[end] !== CLOSE_BRACKET || end === 0) return undefined;
  const counter = new IdCounter();
  for (let from = 1; from < end; from += ID_STEP_BYTES) {
    if (from > 1) yield;
    if (!counter.pass(raw, from, Math.min(from + ID_STEP_BYTES, end))) return undefined;
  }
  return counter.whole ? counter.count : undefined;
}

/** So many bytes at the end are looked at for the last ids: more than a few have, if not for space. */
const TAIL_BYTES = 4_096;

/** The last `count` ids of a JSON list, as numbers; fewer where much white space is between them. */
export function lastIds(ids: Uint8Array, count: number): number[] {
  const tail = ids.subarray(Math.max(0, ids.length - TAIL_BYTES));
  const whole = tail.length === ids.length;
  let from = tail.length;
  for (let taken = 0; taken < count && from > 0; taken++) {
    const comma = tail.lastIndexOf(COMMA, from - 1);
    if (comma < 0) {
      if (whole) from = 0;
      break;
    }
    from = comma;
  }
  const text = decodeUtf8(tail.subarray(from + 1, tail.length - 1));
  return text.split(",").filter((each) => each.trim() !== "").map(Number);
}
