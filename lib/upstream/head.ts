/**
 * Reads response heads from a byte window, however the bytes are cut.
 *
 * Stricter than RFC 9112 asks of a recipient: line ends are CR LF, nothing is folded, and no
 * control character passes, because what is read here is handed on.
 * @module
 */
import {
  COLON,
  CR,
  decodeUtf8,
  encodeUtf8,
  isDigit,
  LF,
  SPACE,
  startsWith,
  TAB,
  ZERO,
} from "../base/mod.ts";
import { CHARS, DELETE, TOKEN } from "./chars.ts";
import type { HeaderField } from "./client.ts";
import { WireError } from "./problems.ts";
import type { ByteWindow } from "./window.ts";

/** Longest response head, in bytes; the read buffer holds one whole. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Most fields of one response head. */
export const MAX_FIELDS = 256;

/** Status line and fields of one response. */
export interface ResponseHead {
  /** 100 to 599. */
  readonly status: number;
  /** 0 for HTTP/1.0; 1 for HTTP/1.1 and later minor versions. */
  readonly minor: 0 | 1;
  readonly headers: readonly HeaderField[];
}

const VERSION = encodeUtf8("HTTP/1.");

/** Parses one head after the other. All positions are counted from the window's start. */
export class HeadParser {
  #at = 0;
  #lineStart = 0;
  #status = 0;
  #minor: 0 | 1 = 1;
  /** All bytes seen, or-ed: below 0x80 when the head is US-ASCII. */
  #seen = 0;
  /** Per field: name start, name end, value start, value end. */
  #marks: number[] = [];

  /** Forget a head begun. */
  reset(): void {
    this.#at = 0;
    this.#lineStart = 0;
    this.#status = 0;
    this.#seen = 0;
    this.#marks = [];
  }

  /**
   * The head at the window's start, which is moved behind it; undefined while it is incomplete.
   * Throws `WireError` as soon as what is there cannot become a valid head.
   */
  parse(window: ByteWindow): ResponseHead | undefined {
    const { bytes, start, end } = window;
    if (this.#status === 0) checkVersion(bytes, start, end);
    let seen = this.#seen;
    let at = start + this.#at;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= SPACE && byte !== DELETE) {
        seen |= byte;
      } else if (byte === LF) {
        if (at === start || bytes[at - 1] !== CR) throw new WireError("line without CR LF");
        const lineStart = start + this.#lineStart;
        if (lineStart === at - 1 && this.#status !== 0) {
          window.start = at + 1;
          this.#seen = seen;
          return this.#finish(bytes.subarray(start, at + 1));
        }
        this.#line(bytes, start, lineStart, at - 1);
        this.#lineStart = at + 1 - start;
      } else if (byte === CR) {
        if (at + 1 === end) break;
        if (bytes[at + 1] !== LF) throw new WireError("carriage return inside a header line");
      } else if (byte !== TAB) {
        throw new WireError("control character in the response head");
      }
    }
    if (end - start >= MAX_HEAD_BYTES) {
      throw new WireError(`response head larger than ${MAX_HEAD_BYTES} bytes`);
    }
    this.#at = at - start;
    this.#seen = seen;
    return undefined;
  }

  #line(bytes: Uint8Array, start: number, from: number, to: number): void {
    if (this.#status === 0) {
      this.#minor = bytes[from + VERSION.length] === ZERO ? 0 : 1;
      this.#status = parseStatus(bytes, from, to);
      return;
    }
    const first = bytes[from];
    if (first === SPACE || first === TAB) throw new WireError("folded header line");
    let colon = from;
    while (colon < to && ((CHARS[bytes[colon] ?? 0] ?? 0) & TOKEN) !== 0) colon++;
    if (colon === from || bytes[colon] !== COLON || colon === to) {
      throw new WireError("malformed header name");
    }
    let valueStart = colon + 1;
    let valueEnd = to;
    while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart++;
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--;
    if (this.#marks.length === MAX_FIELDS * 4) {
      throw new WireError(`more than ${MAX_FIELDS} header fields`);
    }
    this.#marks.push(from - start, colon - start, valueStart - start, valueEnd - start);
  }

  #finish(head: Uint8Array): ResponseHead {
    const text = this.#seen < 0x80 ? decodeUtf8(head) : decodeLatin1(head);
    const headers: HeaderField[] = [];
    const marks = this.#marks;
    for (let mark = 0; mark < marks.length; mark += 4) {
      headers.push([
        text.slice(marks[mark], marks[mark + 1]),
        text.slice(marks[mark + 2], marks[mark + 3]),
      ]);
    }
    const parsed = { status: this.#status, minor: this.#minor, headers };
    this.reset();
    return parsed;
  }
}

/** Another protocol is told by its first bytes: its lines may never end. */
function checkVersion(bytes: Uint8Array, start: number, end: number): void {
  const expected = end - start < VERSION.length ? VERSION.subarray(0, end - start) : VERSION;
  if (!startsWith(bytes, expected, start)) throw new WireError("not an HTTP/1 response");
}

/** Status code of `HTTP/1.x SP 3DIGIT [SP reason]`. */
function parseStatus(bytes: Uint8Array, from: number, to: number): number {
  const version = from + VERSION.length;
  const wellFormed = to - version >= 5 && isDigit(bytes[version] ?? 0) &&
    bytes[version + 1] === SPACE &&
    (to - version === 5 || bytes[version + 5] === SPACE);
  let status = 0;
  for (let at = version + 2; at < version + 5; at++) {
    const byte = bytes[at] ?? 0;
    if (!isDigit(byte)) throw new WireError("malformed status line");
    status = status * 10 + (byte - ZERO);
  }
  if (!wellFormed || status < 100 || status > 599) throw new WireError("malformed status line");
  return status;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** Every byte as the character of the same number: what Fetch calls a byte string. */
function decodeLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
