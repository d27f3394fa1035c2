/** Reads the heads of requests from a byte window, however the bytes are cut. @module */
import { CR, LF } from "../../base/mod.ts";
import { type ByteWindow, type HeadGrammar, HeadReader } from "../../http1/mod.ts";
import { FieldList } from "./field_list.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import { RequestFields, type RequestFraming } from "./request_fields.ts";
import { MAX_LINE_BYTES, readRequestLine, type RequestLine, tooLong } from "./request_line.ts";
import { pathOf } from "./target.ts";

/** Longest request head, in bytes. */
export const MAX_HEAD_BYTES = 64 * 1024;

/** Most fields of one request. */
export const MAX_FIELDS = 200;

/** Most empty lines in front of a request (RFC 9112 section 2.2 has one in mind). */
export const MAX_EMPTY_LINES = 4;

/** A request without its body. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, or `*`. */
  readonly target: string;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  readonly minor: 0 | 1;
  readonly headers: FieldList;
  readonly framing: RequestFraming;
}

/** Reads one head after the other of one connection. */
export class RequestHeadReader {
  readonly #fields = new RequestFields();
  readonly #reader = new HeadReader(this.#grammar());
  #line: RequestLine | undefined;
  #emptyLines = 0;

  /**
   * The head at the window's start, which is moved behind it; undefined while it is incomplete.
   * Throws `Refusal` as soon as what is there cannot become a head that is taken.
   */
  read(window: ByteWindow): RequestHead | undefined {
    try {
      if (this.#line === undefined && !this.#skipEmptyLines(window)) return undefined;
      const raw = this.#reader.read(window);
      const line = this.#line;
      if (raw === undefined || line === undefined) {
        if (line === undefined && window.end - window.start > MAX_LINE_BYTES) throw tooLong();
        return undefined;
      }
      const { text } = raw;
      const method = text.slice(0, line.methodEnd);
      const target = pathOf(method, text.slice(line.targetStart, line.targetEnd));
      const framing = this.#fields.framing(line.minor);
      this.#line = undefined;
      this.#emptyLines = 0;
      return { method, target, minor: line.minor, headers: new FieldList(raw), framing };
    } catch (error) {
      throw refusalOf(error);
    }
  }

  /** False while it is not certain that the line has begun. */
  #skipEmptyLines(window: ByteWindow): boolean {
    const { bytes, end } = window;
    while (window.start < end && bytes[window.start] === CR) {
      if (window.start + 1 === end) return false;
      if (bytes[window.start + 1] !== LF) break;
      if (++this.#emptyLines > MAX_EMPTY_LINES) {
        throw new Refusal(400, "too many empty lines before a request");
      }
      window.start += 2;
    }
    return window.start < end;
  }

  #grammar(): HeadGrammar {
    return {
      what: "request head",
      maxBytes: MAX_HEAD_BYTES,
      maxFields: MAX_FIELDS,
      begins: () => {},
      firstLine: (bytes, from, to) => {
        this.#fields.reset();
        this.#line = readRequestLine(bytes, from, to);
      },
      field: (bytes, from, colon, valueFrom, valueTo) =>
        this.#fields.take(bytes, from, colon, valueFrom, valueTo),
    };
  }
}
