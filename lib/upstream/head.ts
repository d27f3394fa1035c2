/** Heads of responses. @module */
import {
  type ByteWindow,
  type HeadGrammar,
  HeadReader,
  type RawHead,
  SPACE,
  WireError,
} from "../http1/mod.ts";
import type { HeaderField } from "./client.ts";

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

const VERSION = [0x48, 0x54, 0x54, 0x50, 0x2f, 0x31, 0x2e] as const; // "HTTP/1."
const [ZERO, ONE, FIVE, NINE] = [0x30, 0x31, 0x35, 0x39] as const;

/** Parses one head after the other. */
export class HeadParser {
  #status = 0;
  #minor: 0 | 1 = 1;
  readonly #reader = new HeadReader(this.#grammar());

  /** Forget a head begun. */
  reset(): void {
    this.#reader.reset();
  }

  /**
   * The head at the window's start, which is moved behind it; undefined while it is incomplete.
   * Throws `WireError` as soon as what is there cannot become a valid head.
   */
  parse(window: ByteWindow): ResponseHead | undefined {
    const raw = this.#reader.read(window);
    if (raw === undefined) return undefined;
    return { status: this.#status, minor: this.#minor, headers: fieldsOf(raw) };
  }

  #grammar(): HeadGrammar {
    return {
      what: "response head",
      maxBytes: MAX_HEAD_BYTES,
      maxFields: MAX_FIELDS,
      begins: checkVersion,
      firstLine: (bytes, from, to) => {
        this.#minor = bytes[from + VERSION.length] === ZERO ? 0 : 1;
        this.#status = parseStatus(bytes, from, to);
      },
    };
  }
}

function fieldsOf({ text, marks }: RawHead): readonly HeaderField[] {
  const fields: HeaderField[] = [];
  for (let mark = 0; mark < marks.length; mark += 4) {
    fields.push([
      text.slice(marks[mark], marks[mark + 1]),
      text.slice(marks[mark + 2], marks[mark + 3]),
    ]);
  }
  return fields;
}
/** Another protocol is told by its first bytes: its lines may never end. */
function checkVersion(bytes: Uint8Array, start: number, end: number): void {
  const length = Math.min(VERSION.length, end - start);
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== VERSION[i]) throw new WireError("not an HTTP/1 response");
  }
}

/** Status code of `HTTP/1.x SP 3DIGIT [SP reason]`. */
function parseStatus(bytes: Uint8Array, from: number, to: number): number {
  const version = from + VERSION.length;
  const [hundreds, tens, ones] = [bytes[version + 2], bytes[version + 3], bytes[version + 4]];
  const wellFormed = to - version >= 5 && isDigit(bytes[version]) && bytes[version + 1] === SPACE &&
    isDigit(hundreds) && isDigit(tens) && isDigit(ones) &&
    (to - version === 5 || bytes[version + 5] === SPACE);
  if (!wellFormed || hundreds < ONE || hundreds > FIVE) {
    throw new WireError("malformed status line");
  }
  return (hundreds - ZERO) * 100 + (tens - ZERO) * 10 + (ones - ZERO);
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
