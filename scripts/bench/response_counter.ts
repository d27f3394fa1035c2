/**
 * The least reading of an HTTP/1.1 response that a load generator can do: its status, its end, and
 * how many server-sent events it holds.
 * @module
 */
import { decodeUtf8 } from "../../lib/base/mod.ts";

const LF = 0x0a;
const HEAD_END = "\r\n\r\n";

/** Counts one response after the other on one connection; no byte follows a response's end. */
export class ResponseCounter {
  /** Status of the current response; 0 before its head. */
  status = 0;
  /** Empty lines in the body so far: events, if it is a stream of such. */
  events = 0;
  /** Body bytes so far. */
  bytes = 0;
  #head = "";
  #left = 0;
  #state: "head" | "length" | "size" | "size-end" | "data" | "data-end" | "trailer" = "head";
  #lineFeed = false;
  #size = 0;

  /** Forget the last response. */
  reset(): void {
    this.status = 0;
    this.events = 0;
    this.bytes = 0;
    this.#head = "";
    this.#state = "head";
    this.#lineFeed = false;
    this.#size = 0;
  }

  /** Take the next bytes; true when the response has ended with them. Throws on what is no HTTP. */
  push(bytes: Uint8Array): boolean {
    let at = this.#state === "head" ? this.#takeHead(bytes) : 0;
    if (this.#state === "head") return false;
    if (this.#state === "length") return this.#takeLength(bytes, at);
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0;
      switch (this.#state) {
        case "size":
          at++;
          if (byte === 0x0d) this.#state = "size-end";
          else this.#size = this.#size * 16 + hexDigit(byte);
          break;
        case "size-end":
          at++;
          this.#left = this.#size;
          this.#state = this.#size === 0 ? "trailer" : "data";
          this.#size = 0;
          break;
        case "data": {
          const end = Math.min(bytes.length, at + this.#left);
          this.#count(bytes, at, end);
          this.#left -= end - at;
          at = end;
          if (this.#left === 0) {
            this.#left = 2;
            this.#state = "data-end";
          }
          break;
        }
        case "data-end":
          at++;
          if (--this.#left === 0) this.#state = "size";
          break;
        default:
          // No server here sends trailer fields: an empty line is all that follows.
          at++;
          if (byte === LF) return true;
      }
    }
    return false;
  }

  /** The offset behind the head, once it is complete. */
  #takeHead(bytes: Uint8Array): number {
    const before = this.#head.length;
    this.#head += decodeUtf8(bytes);
    const end = this.#head.indexOf(HEAD_END);
    if (end < 0) return bytes.length;
    const head = this.#head.slice(0, end).toLowerCase();
    this.status = Number(/^http\/1\.1 (\d{3})/.exec(head)?.[1] ?? NaN);
    if (Number.isNaN(this.status)) throw new Error(`Cannot read the response head ${head}`);
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    if (length !== undefined) {
      this.#state = "length";
      this.#left = Number(length);
    } else if (head.includes("\r\ntransfer-encoding: chunked")) this.#state = "size";
    else throw new Error(`Cannot find the framing in the response head ${head}`);
    // Heads are US-ASCII, so that characters are bytes.
    return end + HEAD_END.length - before;
  }

  #takeLength(bytes: Uint8Array, from: number): boolean {
    this.#count(bytes, from, bytes.length);
    this.#left -= bytes.length - from;
    return this.#left <= 0;
  }

  #count(bytes: Uint8Array, from: number, to: number): void {
    this.bytes += to - from;
    if (from === to) return;
    if (this.#lineFeed && bytes[from] === LF) this.events++;
    for (let at = bytes.indexOf(LF, from); at >= 0 && at < to - 1; at = bytes.indexOf(LF, at)) {
      at++;
      if (bytes[at] !== LF) continue;
      this.events++;
      at++;
    }
    this.#lineFeed = bytes[to - 1] === LF;
  }
}

function hexDigit(byte: number): number {
  const digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
  if (digit < 0 || digit > 15) throw new Error("Cannot read a chunk size");
  return digit;
}
