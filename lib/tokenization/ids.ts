/** Lists of token ids as JSON text, never made into numbers where that can be avoided. @module */
import { CLOSE_BRACKET, COMMA, decodeUtf8, OPEN_BRACKET, ZERO } from "../base/mod.ts";

/**
 * Whether `raw`, valid JSON, is a list of digits, commas and white space alone, so that it can be
 * spliced into a list of ids.
 */
export function isIdList(raw: Uint8Array): boolean {
  if (raw[0] !== OPEN_BRACKET) return false;
  for (let at = 1; at < raw.length - 1; at++) {
    const byte = raw[at] ?? 0;
    if (!isDigit(byte) && byte !== COMMA && !isSpace(byte)) return false;
  }
  return true;
}

/** How many ids a JSON list holds, by its commas. */
export function countIds(ids: Uint8Array): number {
  let commas = 0;
  let digits = false;
  for (let at = 1; at < ids.length - 1; at++) {
    const byte = ids[at] ?? 0;
    if (byte === COMMA) commas++;
    else if (isDigit(byte)) digits = true;
  }
  return digits ? commas + 1 : 0;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * How many ids `raw` holds, bytes that are not known to be JSON; undefined when they are not exactly
 * one list of ids.
 */
export function countUncheckedIds(raw: Uint8Array): number | undefined {
  const end = raw.length - 1;
  if (raw[0] !== OPEN_BRACKET || raw[end] !== CLOSE_BRACKET || end === 0) return undefined;
  let at = skipSpace(raw, 1);
  if (at === end) return 0;
  for (let count = 1;; count++) {
    const start = at;
    while (isDigit(raw[at] ?? 0)) at++;
    if (at === start || (raw[start] === ZERO && at > start + 1)) return undefined;
    at = skipSpace(raw, at);
    if (at === end) return count;
    if (raw[at] !== COMMA) return undefined;
    at = skipSpace(raw, at + 1);
  }
}

function skipSpace(raw: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(raw[at] ?? 0)) at++;
  return at;
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
