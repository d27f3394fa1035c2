/**
 * Server-sent events out of bytes that arrive in any cuts.
 *
 * Source of the format: WHATWG HTML, "Server-sent events"; vLLM writes `data: …\n\n` alone.
 * @module
 */
import {
  COLON,
  encodeUtf8,
  GrowingBytes,
  LF,
  RouterError,
  SPACE,
  startsWith,
} from "../base/mod.ts";
import { type Line, Lines } from "./lines.ts";

const DATA = encodeUtf8("data");
const LINE_FEED = new Uint8Array([LF]);

/**
 * Largest event, in bytes: no engine sends one near it. The largest there are tell the ids of a
 * prompt, at about seven bytes each, or the log-probabilities of an echoed one.
 */
export const MAX_EVENT_BYTES: number = 64 * 1024 * 1024;

/** Most comments told of one event, and most bytes of them: beyond, only noise is lost. */
const MAX_COMMENTS = 64;
const MAX_COMMENT_BYTES = 16 * 1024;

/**
 * Splits a byte stream into the data of its events.
 *
 * `push` a read, then call `next` until it gives undefined. Events within one read are views of
 * it, not copies: use them before the next is pushed or the read's buffer is filled again. What is
 * incomplete at a read's end is kept for the next, at no cost but that of the bytes added; at the
 * end of the stream it is no event, as the format says.
 */
export class SseDecoder {
  readonly #onComment: ((line: Uint8Array) => void) | undefined;
  readonly #lines = new Lines();
  /** Length of the current event's first line of data, which is held; all data once there is more. */
  #first: number | undefined;
  #joined: GrowingBytes | undefined;
  /** Bytes of the current event's finished lines. */
  #size = 0;
  #comments: Uint8Array[] = [];
  #commentBytes = 0;

  /**
   * `onComment` is called by `next`, before it gives the event behind or around them, with each
   * comment line, its colon included and its end not; of one event, with the first 64.
   */
  constructor(options: { readonly onComment?: (line: Uint8Array) => void } = {}) {
    this.#onComment = options.onComment;
  }

  /** Take the next bytes of the stream. */
  push(bytes: Uint8Array): void {
    this.#lines.push(bytes);
  }

  /**
   * The data of the next complete event (several `data` lines joined by a line feed), or undefined
   * when the bytes at hand hold no further one. Events without data, and comments, are passed over.
   * Throws `upstream-protocol` when one event grows beyond 64 MiB.
   */
  next(): Uint8Array | undefined {
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) {
      if (line.end > line.start) {
        this.#takeLine(line);
        continue;
      }
      const data = this.#data();
      this.#endEvent();
      if (data !== undefined) return data;
    }
    this.#checkSize(this.#lines.unfinished);
    return undefined;
  }

  #checkSize(more: number): void {
    if (this.#size + more <= MAX_EVENT_BYTES) return;
    throw new RouterError("upstream-protocol", `An SSE event exceeds ${MAX_EVENT_BYTES} bytes`);
  }

  #takeLine(line: Line): void {
    const { bytes } = this.#lines;
    this.#checkSize(line.end - line.start);
    this.#size += line.end - line.start;
    const value = dataOf(bytes, line);
    if (value === undefined) {
      if (this.#onComment !== undefined && bytes[line.start] === COLON) this.#note(line);
    } else if (this.#first === undefined && this.#joined === undefined) {
      this.#lines.held = value.start;
      this.#first = value.end - value.start;
    } else {
      this.#join(bytes.subarray(value.start, value.end));
    }
  }

  #join(value: Uint8Array): void {
    if (this.#joined === undefined) {
      // Fresh for each event: it is the reader's until more bytes are pushed.
      this.#joined = new GrowingBytes(2 * MAX_EVENT_BYTES);
      this.#joined.append(this.#data() ?? value);
      this.#first = undefined;
      this.#lines.held = undefined;
    }
    this.#joined.append(LINE_FEED);
    this.#joined.append(value);
  }

  /** Told once the event is complete. A copy: what it stands in is not kept for it. */
  #note({ start, end }: Line): void {
    this.#commentBytes += end - start;
    if (this.#comments.length === MAX_COMMENTS || this.#commentBytes > MAX_COMMENT_BYTES) return;
    this.#comments.push(this.#lines.bytes.slice(start, end));
  }

  #data(): Uint8Array | undefined {
    const { bytes, held } = this.#lines;
    if (this.#first === undefined || held === undefined) return this.#joined?.view();
    return bytes.subarray(held, held + this.#first);
  }

  #endEvent(): void {
    this.#first = undefined;
    this.#joined = undefined;
    this.#lines.held = undefined;
    this.#size = 0;
    this.#commentBytes = 0;
    if (this.#comments.length === 0) return;
    const comments = this.#comments;
    this.#comments = [];
    for (const line of comments) this.#onComment?.(line);
  }
}

/** Where the value of a line of data stands; undefined for any other line. */
function dataOf(bytes: Uint8Array, { start, end }: Line): Line | undefined {
  if (!startsWith(bytes, DATA, start)) return undefined;
  const after = start + DATA.length;
  if (after === end) return { start: end, end };
  if (bytes[after] !== COLON) return undefined;
  const spaced = after + 1 < end && bytes[after + 1] === SPACE;
  return { start: spaced ? after + 2 : after + 1, end };
}
