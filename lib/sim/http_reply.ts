/** One HTTP answer: whole, or streamed in chunks; and the ways to spoil it on purpose. @module */
import { type Clock, encodeUtf8, type Random, sleep } from "../base/mod.ts";
import type { HttpConnection } from "./http_connection.ts";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** Media types the engine answers with. */
export const JSON_TYPE = "application/json";
export const SSE_TYPE = "text/event-stream; charset=utf-8";

/** Where the bytes of a reply are cut on their way out. */
export type Cutting = "none" | "byte" | "random";

/** What a reply needs to know of its request. */
export interface ReplyContext {
  readonly connection: HttpConnection;
  readonly isHead: boolean;
  readonly minorVersion: number;
  readonly keepAlive: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

/** Room before a chunk's payload for its size line and, once, the response head. */
const HEAD_ROOM = 1024;

const encoder = new TextEncoder();

/** Writes one answer to its connection. */
export class HttpReply {
  /** Set to cut everything written from then on into separate TCP writes. */
  cutting: Cutting = "none";
  /** Extra fields of the head, set before it is written. */
  readonly headers: [name: string, value: string][] = [];

  readonly #context: ReplyContext;
  #state: "idle" | "streaming" | "done" | "cut" = "idle";
  #gone = false;
  #pendingHead = "";
  #buffer = new Uint8Array(0);

  constructor(context: ReplyContext) {
    this.#context = context;
  }

  /** True once any part of the answer was begun. */
  get started(): boolean {
    return this.#state !== "idle";
  }

  /** True when the answer is complete and the connection may carry another. */
  get reusable(): boolean {
    return this.#state === "done" && !this.#gone && this.#context.keepAlive;
  }

  /** Send a whole answer. */
  async send(status: number, type: string, body: string | Uint8Array): Promise<void> {
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    this.#state = "done";
    const head = encodeUtf8(
      `${this.#head(status, type)}content-length: ${bytes.length}\r\n\r\n`,
    );
    if (this.#context.isHead || bytes.length === 0) {
      await this.#out(head);
      return;
    }
    const whole = new Uint8Array(head.length + bytes.length);
    whole.set(head);
    whole.set(bytes, head.length);
    await this.#out(whole);
  }

  /** Send the head and the first half of an answer, then close the connection. */
  async sendHalf(status: number, type: string, body: string): Promise<void> {
    const bytes = encodeUtf8(body);
    this.#state = "done";
    const length = `content-length: ${bytes.length}\r\n\r\n`;
    await this.#out(encodeUtf8(this.#head(status, type) + length));
    await this.#out(bytes.subarray(0, bytes.length >> 1));
    this.cut();
  }

  /** Send a whole JSON answer, given as text. */
  json(status: number, text: string): Promise<void> {
    return this.send(status, JSON_TYPE, text);
  }

  /** Begin a streamed answer; its head leaves with the first `write` or `flush`. */
  startStream(status: number, type: string): void {
    this.#state = "streaming";
    const framing = this.#context.minorVersion === 0 ? "" : "transfer-encoding: chunked\r\n";
    this.#pendingHead = `${this.#head(status, type)}${framing}\r\n`;
  }

  /** Send the head, if it has not left; false when the client is gone. */
  async flush(): Promise<boolean> {
    if (this.#pendingHead !== "") {
      const head = encodeUtf8(this.#pendingHead);
      this.#pendingHead = "";
      await this.#out(head);
    }
    return !this.#gone;
  }

  /** Send a piece of a streamed answer in one write; false when the client is gone. */
  async write(text: string): Promise<boolean> {
    if (this.#state !== "streaming" || this.#gone) return false;
    if (text !== "") {
      if (this.cutting === "none") await this.#out(this.#frame(text));
      else await this.#writeInPieces(text);
    }
    return !this.#gone;
  }

  /** End a streamed answer. */
  async end(): Promise<void> {
    if (this.#state !== "streaming") return;
    await this.flush();
    this.#state = "done";
    if (this.#context.minorVersion === 0) this.cut();
    else await this.#out(encodeUtf8("0\r\n\r\n"));
  }

  /** Close the connection here and now. */
  cut(): void {
    this.#state = "cut";
    this.#gone = true;
    this.#context.connection.close();
  }

  #head(status: number, type: string): string {
    const date = new Date(this.#context.clock.unixMs()).toUTCString();
    let head = `HTTP/1.1 ${status} ${REASONS[status] ?? "Unknown"}\r\n` +
      `date: ${date}\r\nserver: uvicorn\r\n`;
    if (type !== "") head += `content-type: ${type}\r\n`;
    if (!this.#context.keepAlive) head += "connection: close\r\n";
    for (const [name, value] of this.headers) head += `${name}: ${value}\r\n`;
    return head;
  }

  /** The chunk of `text`, behind the head if that is still to leave, in one view. */
  #frame(text: string): Uint8Array {
    const needed = HEAD_ROOM + text.length * 3 + 2;
    if (this.#buffer.length < needed) this.#buffer = new Uint8Array(Math.max(needed, 16_384));
    const buffer = this.#buffer;
    const { written } = encoder.encodeInto(text, buffer.subarray(HEAD_ROOM));
    let end = HEAD_ROOM + written;
    let prefix = this.#pendingHead;
    this.#pendingHead = "";
    if (this.#context.minorVersion !== 0) {
      prefix += `${written.toString(16)}\r\n`;
      buffer[end++] = 0x0d;
      buffer[end++] = 0x0a;
    }
    const start = HEAD_ROOM - prefix.length;
    if (start < 0) throw new RangeError(`Response head of ${prefix.length} bytes is too long`);
    encoder.encodeInto(prefix, buffer.subarray(start, HEAD_ROOM));
    return buffer.subarray(start, end);
  }

  #frameBytes(bytes: Uint8Array): Uint8Array {
    if (this.#context.minorVersion === 0) return bytes;
    const size = encodeUtf8(`${bytes.length.toString(16)}\r\n`);
    const framed = new Uint8Array(size.length + bytes.length + 2);
    framed.set(size);
    framed.set(bytes, size.length);
    framed.set([0x0d, 0x0a], size.length + bytes.length);
    return framed;
  }

  /** Two or three HTTP chunks at random cuts, which may fall inside a character or an event. */
  async #writeInPieces(text: string): Promise<void> {
    await this.flush();
    const bytes = encodeUtf8(text);
    const first = this.#cutWithin(bytes.length);
    const second = first + this.#cutWithin(bytes.length - first);
    const pieces = [
      bytes.subarray(0, first),
      bytes.subarray(first, second),
      bytes.subarray(second),
    ];
    for (const piece of pieces) {
      if (piece.length > 0 && !this.#gone) await this.#out(this.#frameBytes(piece));
    }
  }

  #cutWithin(length: number): number {
    return Math.floor(this.#context.random.next() * (length + 1));
  }

  async #out(bytes: Uint8Array): Promise<void> {
    if (this.#gone) return;
    if (this.cutting === "none") {
      this.#gone = !await this.#context.connection.write(bytes);
      return;
    }
    for (let at = 0; at < bytes.length && !this.#gone;) {
      const size = this.cutting === "byte" ? 1 : 1 + this.#cutWithin(40);
      this.#gone = !await this.#context.connection.write(bytes.subarray(at, at + size));
      at += size;
      // Mostly separate segments, some read together: a pause after some of the writes.
      if (this.#context.random.next() < 0.25) await sleep(this.#context.clock, 0);
    }
  }
}
