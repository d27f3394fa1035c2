/**
 * Server-sent events out of bytes that arrive in any cuts.
 *
 * Source of the format: WHATWG HTML, "Server-sent events"; vLLM writes `data: …\n\n` alone.
 * @module
 */
import {
  COLON,
  concatBytes,
  CR,
  encodeUtf8,
  LF,
  RouterError,
  SPACE,
  startsWith,
} from "../base/mod.ts";

const DATA = encodeUtf8("data");
const LINE_FEED = new Uint8Array([LF]);

/** Largest event kept while it is incomplete, in bytes: no engine sends one near it. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

/**
 * Splits a byte stream into the data of its events.
 *
 * `push` a read, then call `next` until it gives undefined. Events within one read are views of
 * it, not copies: use them before the read's buffer is filled again. What is incomplete at a
 * read's end is kept for the next; at the end of the stream it is no event, as the format says.
 */
export class SseDecoder {
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #carry: Uint8Array = new Uint8Array(0);
  #started = false;
  #hasCr = false;
  /** A CR ended the last read: an LF at the start of this one belongs to it. */
  #skipLf = false;
  readonly #onComment: ((line: Uint8Array) => void) | undefined;

  /**
   * `onComment` is called by `next`, before it gives the event behind or around them, with each
   * comment line, its colon included and its end not: a view as the events are.
   */
  constructor(options: { readonly onComment?: (line: Uint8Array) => void } = {}) {
    this.#onComment = options.onComment;
  }

  /**
   * Take the next bytes of the stream.
   * Throws `upstream-protocol` when one event grows beyond 16 MiB.
   */
  push(bytes: Uint8Array): void {
    let fresh = bytes;
    if (this.#skipLf && fresh.length > 0) {
      this.#skipLf = false;
      if (fresh[0] === LF) fresh = fresh.subarray(1);
    }
    const joined = this.#carry.length === 0 ? fresh : concatBytes([this.#carry, fresh]);
    if (joined.length - fresh.length > MAX_EVENT_BYTES) {
      throw new RouterError("upstream-protocol", `An SSE event exceeds ${MAX_EVENT_BYTES} bytes`);
    }
    this.#carry = new Uint8Array(0);
    this.#bytes = joined;
    this.#at = 0;
    this.#hasCr = joined.indexOf(CR) >= 0;
    if (!this.#started && joined.length >= 3) {
      this.#started = true;
      if (joined[0] === 0xef && joined[1] === 0xbb && joined[2] === 0xbf) this.#at = 3;
    }
  }

  /**
   * The data of the next complete event (several `data` lines joined by a line feed), or undefined
   * when the bytes at hand hold no further one. Events without data, and comments, are passed over.
   */
  next(): Uint8Array | undefined {
    while (this.#at < this.#bytes.length) {
      const start = this.#at;
      let first: Uint8Array | undefined;
      let more: Uint8Array[] | undefined;
      let comments: Uint8Array[] | undefined;
      for (;;) {
        const lineStart = this.#at;
        const lineEnd = this.#lineEnd(lineStart);
        if (lineEnd < 0) {
          this.#keep(start);
          return undefined;
        }
        this.#at = this.#afterLine(lineEnd);
        if (lineEnd === lineStart) break;
        const data = this.#dataOf(lineStart, lineEnd);
        if (data === undefined) {
          // Told once the block is complete: one that is not is scanned again with the next read.
          if (this.#onComment !== undefined && this.#bytes[lineStart] === COLON) {
            (comments ??= []).push(this.#bytes.subarray(lineStart, lineEnd));
          }
          continue;
        }
        if (first === undefined) first = data;
        else (more ??= [first]).push(LINE_FEED, data);
      }
      if (comments !== undefined) { for (const line of comments) this.#onComment?.(line); }
      if (more !== undefined) return concatBytes(more);
      if (first !== undefined) return first;
    }
    return undefined;
  }

  #lineEnd(from: number): number {
    const lf = this.#bytes.indexOf(LF, from);
    if (!this.#hasCr) return lf;
    const cr = this.#bytes.indexOf(CR, from);
    return cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
  }

  #afterLine(lineEnd: number): number {
    if (this.#bytes[lineEnd] !== CR) return lineEnd + 1;
    if (lineEnd + 1 === this.#bytes.length) this.#skipLf = true;
    return this.#bytes[lineEnd + 1] === LF ? lineEnd + 2 : lineEnd + 1;
  }

  #dataOf(start: number, end: number): Uint8Array | undefined {
    if (!startsWith(this.#bytes, DATA, start)) return undefined;
    const after = start + DATA.length;
    if (after === end) return new Uint8Array(0);
    if (this.#bytes[after] !== COLON) return undefined;
    const value = this.#bytes[after + 1] === SPACE && after + 1 < end ? after + 2 : after + 1;
    return this.#bytes.subarray(value, end);
  }

  #keep(from: number): void {
    // A copy: the read's buffer belongs to the connection and is filled again.
    this.#carry = this.#bytes.slice(from);
    this.#at = this.#bytes.length;
    // The carry is scanned again as a whole, its last CR with it.
    this.#skipLf = false;
  }
}
