/** Lists of token ids as JSON text, never made into numbers where that can be avoided. @module */
import {
  CLOSE_BRACKET,
  COMMA,
  decodeUtf8,
  isDigit,
  isSpace,
  OPEN_BRACKET,
  skipDigits,
  skipSpace,
  TURN_BYTES,
  ZERO,
} from "../base/mod.ts";

/** By byte, 1 where it may stand between the brackets of a list of ids. */
const IN_LIST = Uint8Array.from(
  { length: 256 },
  (_, byte) => Number(isDigit(byte) || byte === COMMA || isSpace(byte)),
);

/**
 * Whether `raw`, valid JSON, is a list of digits, commas and white space alone, so that it can be
 * spliced into a list of ids.
 */
export function isIdList(raw: Uint8Array): boolean {
  if (raw[0] !== OPEN_BRACKET) return false;
  for (let at = 1; at < raw.length - 1; at++) {
    if (IN_LIST[raw[at] ?? 0] !== 1) return false;
  }
  return true;
}

/** How many ids a JSON list of nothing else holds, by its commas. */
export function countIds(ids: Uint8Array): number {
  if (skipSpace(ids, 1) === ids.length - 1) return 0;
  let commas = 0;
  for (let at = 1; at < ids.length; at++) {
    if (ids[at] === COMMA) commas++;
  }
  return commas + 1;
}

/**
 * How many ids `raw` holds, bytes that are not known to be JSON; undefined when they are not exactly
 * one list of ids.
 */
export function countUncheckedIds(raw: Uint8Array): number | undefined {
  const end = raw.length - 1;
  if (raw[0] !== OPEN_BRACKET || raw[end] !== CLOSE_BRACKET || end === 0) return undefined;
  const inside = raw.subarray(1, end);
  return skipSpace(inside, 0) === inside.length ? 0 : countSeparated(inside);
}

/** As `countUncheckedIds`, in turns. */
export function* countInTurns(raw: Uint8Array): Generator<void, number | undefined, void> {
  const end = raw.length - 1;
  if (end <= TURN_BYTES) return countUncheckedIds(raw);
  if (raw[0] !== OPEN_BRACKET || raw[end] !== CLOSE_BRACKET) return undefined;
  let count = 0;
  for (let from = 1; from < end;) {
    if (from > 1) yield;
    const last = from + TURN_BYTES >= end;
    // No id is so long that a turn's bytes have no comma.
    const to = last ? end : raw.lastIndexOf(COMMA, from + TURN_BYTES);
    // A copy, as reading is several times slower in memory that can be resized.
    const more = to <= from ? undefined : countSeparated(raw.slice(from, to));
    if (more === undefined || (!last && to + 1 === end)) return undefined;
    count += more;
    from = to + 1;
  }
  return count;
}

/** How many ids `list` holds, with commas between them; undefined when it is anything else. */
function countSeparated(list: Uint8Array): number | undefined {
  let at = skipSpace(list, 0);
  for (let count = 1;; count++) {
    const start = at;
    at = skipDigits(list, at);
    if (at === start || (list[start] === ZERO && at > start + 1)) return undefined;
    if (list[at] !== COMMA) {
      at = skipSpace(list, at);
      if (at === list.length) return count;
      if (list[at] !== COMMA) return undefined;
    }
    at = skipSpace(list, at + 1);
  }
}

/** The last `count` ids of a JSON list, as numbers. */
export function lastIds(ids: Uint8Array, count: number): number[] {
  let from = ids.length;
  for (let taken = 0; taken < count && from > 0; taken++) {
    from = ids.lastIndexOf(COMMA, from - 1);
    if (from < 0) break;
  }
  const tail = decodeUtf8(ids.subarray(from < 0 ? 1 : from + 1, ids.length - 1));
  return tail.split(",").filter((text) => text.trim() !== "").map(Number);
}
