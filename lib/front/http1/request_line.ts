/** Request lines: `METHOD SP target SP HTTP/1.x`, and nothing looser (RFC 9112 section 3). @module */
import { encodeUtf8, isDigit, SPACE, startsWith, ZERO } from "../../base/mod.ts";
import { CHARS, TARGET, TOKEN } from "../../http1/mod.ts";
import { Refusal } from "./refusal.ts";

/** Longest target, in bytes. */
export const MAX_TARGET_BYTES = 32 * 1024;

/** Longest request line that may still become one, in bytes: a method is short. */
export const MAX_LINE_BYTES = MAX_TARGET_BYTES + 64;

/** Where the parts of a request line are, counted from its start. */
export interface RequestLine {
  /** The method is in front of it. */
  readonly methodEnd: number;
  readonly targetStart: number;
  readonly targetEnd: number;
  /** Of HTTP/1. */
  readonly minor: 0 | 1;
}

const HASH = 0x23;
const DOT = 0x2e;
const ONE = 0x31;
const HTTP = encodeUtf8("HTTP/");

/** The parts of the line from `from` to `to`, its end left out. Throws `Refusal`. */
export function readRequestLine(bytes: Uint8Array, from: number, to: number): RequestLine {
  // One that comes in pieces is given up at this length, whatever it would have become.
  if (to - from >= MAX_LINE_BYTES) throw tooLong();
  let at = from;
  while (at < to && ((CHARS[bytes[at] ?? 0] ?? 0) & TOKEN) !== 0) at++;
  if (at === from || at === to || bytes[at] !== SPACE) throw malformed();
  const methodEnd = at - from;
  const targetStart = ++at;
  while (at < to && ((CHARS[bytes[at] ?? 0] ?? 0) & TARGET) !== 0 && bytes[at] !== HASH) at++;
  if (at - targetStart > MAX_TARGET_BYTES) throw tooLong();
  if (bytes[at] === HASH && at < to) throw new Refusal(400, "the target has a fragment");
  if (at === targetStart || at === to || bytes[at] !== SPACE) throw malformed();
  const minor = readVersion(bytes, at + 1, to);
  return { methodEnd, targetStart: targetStart - from, targetEnd: at - from, minor };
}

/** A request line that is longer than any may be. */
export function tooLong(): Refusal {
  return new Refusal(414, `the target is longer than ${MAX_TARGET_BYTES} bytes`);
}

function readVersion(bytes: Uint8Array, from: number, to: number): 0 | 1 {
  const major = bytes[from + 5] ?? 0;
  const minor = bytes[from + 7] ?? 0;
  const isVersion = to - from === 8 && startsWith(bytes, HTTP, from) && isDigit(major) &&
    bytes[from + 6] === DOT && isDigit(minor);
  if (!isVersion) throw malformed();
  if (major !== ONE || (minor !== ZERO && minor !== ONE)) {
    throw new Refusal(505, "the server speaks HTTP/1.1 and HTTP/1.0");
  }
  return minor === ONE ? 1 : 0;
}

function malformed(): Refusal {
  return new Refusal(400, "malformed request line");
}
