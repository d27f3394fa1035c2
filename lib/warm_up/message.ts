/** Messages of HTTP/1.1 among those in memory, who are known to write them well. @module */
import { decodeUtf8 } from "../base/mod.ts";
import type { MemorySocket } from "./memory_socket.ts";

/** Largest message, in bytes: what is asked and answered in memory is a tenth of it. */
const MAX_BYTES = 64 * 1024;

/** One message. */
export interface Message {
  /** The request line or the status line. */
  readonly first: string;
  readonly body: Uint8Array;
}

const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** Reads messages of one side; a chunked body is given as it was sent. */
export class MessageReader {
  readonly #socket: Pick<MemorySocket, "read">;
  readonly #bytes = new Uint8Array(MAX_BYTES);
  #size = 0;

  constructor(socket: Pick<MemorySocket, "read">) {
    this.#socket = socket;
  }

  /** The next one; undefined at the end. Throws for one that is too large. */
  async next(): Promise<Message | undefined> {
    for (;;) {
      const found = this.#take();
      if (found !== undefined) return found;
      if (this.#size === MAX_BYTES) {
        throw new RangeError(`A message of more than ${MAX_BYTES} bytes`);
      }
      const size = await this.#socket.read(this.#bytes.subarray(this.#size));
      if (size === null) return undefined;
      this.#size += size;
    }
  }

  #take(): Message | undefined {
    const text = decodeUtf8(this.#bytes.subarray(0, this.#size));
    const head = text.indexOf(HEAD_END);
    if (head < 0) return undefined;
    const start = head + HEAD_END.length;
    // A chunked body is there when it ends with its last chunk: nothing is sent ahead of an answer.
    const length = /^content-length: *(\d+)/im.exec(text.slice(0, head))?.[1];
    const isChunked = /^transfer-encoding:/im.test(text.slice(0, head));
    if (isChunked && !text.endsWith(LAST_CHUNK)) return undefined;
    const end = isChunked ? this.#size : start + Number(length ?? 0);
    if (end > this.#size) return undefined;
    const body = this.#bytes.slice(start, end);
    this.#bytes.copyWithin(0, end, this.#size);
    this.#size -= end;
    return { first: text.slice(0, text.indexOf("\r\n")), body };
  }
}
