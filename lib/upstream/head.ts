/** Heads of responses. @module */
import { encodeUtf8, isDigit, SPACE, startsWith, ZERO } from "../base/mod.ts";
import {
  type ByteWindow,
  type HeadGrammar,
  HeadReader,
  type RawHead,
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

const VERSION = encodeUtf8("HTTP/1.");

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
