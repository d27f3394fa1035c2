/**
 * Reads heads, of requests or of responses, from a byte window, however the bytes are cut.
 *
 * Stricter than RFC 9112 asks of a recipient: line ends are CR LF, nothing is folded, and no
 * control character passes, because what is read here is handed on.
 * @module
 */
import { COLON, CR, decodeUtf8, LF, SPACE, TAB } from "../base/mod.ts";
import { CHARS, DELETE, TOKEN } from "./chars.ts";
import type { ByteWindow } from "./window.ts";
import { WireError } from "./wire_error.ts";

/** What tells the heads of requests from those of responses. Offsets are into `bytes`. */
export interface HeadGrammar {
  /** What it is, for messages: `response head`. */
  readonly what: string;
  /** Most bytes of one head; the window must hold as many. */
  readonly maxBytes: number;
  /** Most fields of one head. */
  readonly maxFields: number;
  /** What has arrived of the first line. Throws when it cannot become one. */
  begins(bytes: Uint8Array, start: number, end: number): void;
  /** The whole first line, without its end. Throws when it is none. */
  firstLine(bytes: Uint8Array, from: number, to: number): void;
  /** A field: its name from `from` to `colon`, its value from `valueFrom` to `valueTo`. */
  field?(
    bytes: Uint8Array,
    from: number,
    colon: number,
    valueFrom: number,
    valueTo: number,
  ): void;
}

/** A complete head. */
export interface RawHead {
  /** All of it, one character per byte. */
  readonly text: string;
  /** Per field, as offsets into `text`: name start, name end, value start, value end. */
  readonly marks: readonly number[];
}

/** Reads one head after the other. All positions are counted from the window's start. */
export class HeadReader {
  readonly #grammar: HeadGrammar;
  #at = 0;
  #lineStart = 0;
  #begun = false;
  /** All bytes seen, or-ed: below 0x80 when the head is US-ASCII. */
  #seen = 0;
  #marks: number[] = [];

  constructor(grammar: HeadGrammar) {
    this.#grammar = grammar;
  }

  /** Forget a head begun. */
  reset(): void {
    this.#at = 0;
    this.#lineStart = 0;
    this.#begun = false;
    this.#seen = 0;
    this.#marks = [];
  }

  /**
   * The head at the window's start, which is moved behind it; undefined while it is incomplete.
   * Throws `WireError` as soon as what is there cannot become a valid head.
   */
  read(window: ByteWindow): RawHead | undefined {
    const { bytes, start, end } = window;
    const { maxBytes, what } = this.#grammar;
    if (!this.#begun) this.#grammar.begins(bytes, start, end);
    let seen = this.#seen;
    let at = start + this.#at;
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0;
      if (byte >= SPACE && byte !== DELETE) {
        seen |= byte;
      } else if (byte === LF) {
        if (at === start || bytes[at - 1] !== CR) throw new WireError("line without CR LF");
        const lineStart = start + this.#lineStart;
        if (lineStart === at - 1 && this.#begun) {
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
        throw new WireError(`control character in the ${what}`);
      }
    }
    if (end - start >= maxBytes) {
      throw new WireError(`${what} larger than ${maxBytes} bytes`, { tooLarge: true });
    }
    this.#at = at - start;
    this.#seen = seen;
    return undefined;
  }

  #line(bytes: Uint8Array, start: number, from: number, to: number): void {
    if (!this.#begun) {
      this.#grammar.firstLine(bytes, from, to);
      this.#begun = true;
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
    const { maxFields } = this.#grammar;
    if (this.#marks.length === maxFields * 4) {
      throw new WireError(`more than ${maxFields} header fields`, { tooLarge: true });
    }
    this.#marks.push(from - start, colon - start, valueStart - start, valueEnd - start);
    this.#grammar.field?.(bytes, from, colon, valueStart, valueEnd);
  }

  #finish(head: Uint8Array): RawHead {
    const text = this.#seen < 0x80 ? decodeUtf8(head) : decodeLatin1(head);
    const marks = this.#marks;
    this.reset();
    return { text, marks };
  }
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
