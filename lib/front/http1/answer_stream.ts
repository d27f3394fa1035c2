/** Answers whose bodies are sources: read as the client takes them, one write for each read. @module */
import { RouterError } from "../../base/mod.ts";
import type { ByteSource } from "../../request/mod.ts";
import { beginChunk, endLine, LAST_CHUNK, MAX_FRAME_BYTES } from "./chunk_frame.ts";
import type { Output } from "./output.ts";

/** How an answer ended: all written; its source broke; the connection was lost, or given up. */
export type StreamEnd = "complete" | "broken" | "lost" | "stopped";

/** What an answer is written from. */
export interface StreamParts {
  readonly source: ByteSource;
  /** A number is the length announced. */
  readonly framing: number | "chunked" | "until-close";
  readonly output: Output;
  /** Its first `headBytes` are the answer's head. */
  readonly scratch: Uint8Array<ArrayBuffer>;
  readonly headBytes: number;
}

/** Turns of the microtask queue that a head waits for a first piece which is there already. */
const HEAD_TURNS = 16;

/** Writes one answer. */
export class AnswerStream {
  readonly #source: ByteSource;
  readonly #framing: StreamParts["framing"];
  readonly #output: Output;
  readonly #scratch: Uint8Array<ArrayBuffer>;
  readonly #ended = Promise.withResolvers<StreamEnd>();
  /** Bytes of the head that wait in the scratch buffer. */
  #at: number;
  /** Bytes of the length announced that are to come. */
  #left: number;
  /** The head is being written by itself. */
  #headLeaves = false;
  /** The piece that came meanwhile; undefined in it is the end. */
  #held: { readonly piece: Uint8Array | undefined } | undefined;
  #over = false;
  /** Why the source broke. */
  failure: unknown;

  constructor({ source, framing, output, scratch, headBytes }: StreamParts) {
    this.#source = source;
    this.#framing = framing;
    this.#output = output;
    this.#scratch = scratch;
    this.#at = headBytes;
    this.#left = typeof framing === "number" ? framing : 0;
  }

  /** Write it all; the source is cancelled unless it was read to its end. */
  run(): Promise<StreamEnd> {
    this.#pull();
    this.#offerHead(HEAD_TURNS);
    return this.#ended.promise;
  }

  /** Give it up: the client has gone. */
  stop(): void {
    this.#finish("stopped");
  }

  /** The head leaves by itself unless a piece comes soon. */
  #offerHead(turns: number): void {
    if (this.#over || this.#at === 0) return;
    if (turns > 0) return queueMicrotask(() => this.#offerHead(turns - 1));
    this.#headLeaves = true;
    this.#flush();
  }

  #pull(): void {
    try {
      this.#source.read().then(this.#onPiece, this.#onBroken);
    } catch (error) {
      this.#onBroken(error);
    }
  }

  readonly #onPiece = (piece: Uint8Array | undefined): void => {
    if (this.#over) return;
    if (this.#headLeaves) this.#held = { piece };
    else this.#send(piece);
  };

  readonly #onBroken = (error: unknown): void => {
    if (this.#over) return;
    this.failure = error;
    this.#finish("broken");
  };

  readonly #onWritten = (ok: boolean): void => {
    if (this.#over) return;
    if (!ok) return this.#finish("lost");
    if (!this.#headLeaves) return this.#pull();
    // The first piece has been asked for already.
    this.#headLeaves = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#send(held.piece);
  };

  readonly #onLastWritten = (ok: boolean): void => this.#finish(ok ? "complete" : "lost");

  #send(piece: Uint8Array | undefined): void {
    if (piece === undefined) return this.#sendEnd();
    const size = piece.length;
    // An empty chunk would be the end.
    if (size === 0) return this.#pull();
    if (typeof this.#framing === "number" && (this.#left -= size) < 0) {
      return this.#onBroken(wrongLength("more"));
    }
    if (size > this.#scratch.length - this.#at - MAX_FRAME_BYTES) {
      this.#sendLarge(piece).then(this.#onWritten);
      return;
    }
    this.#begin(size);
    this.#append(piece);
    if (this.#framing === "chunked") this.#at = endLine(this.#scratch, this.#at);
    this.#flush();
  }

  #sendEnd(): void {
    if (this.#left > 0) return this.#onBroken(wrongLength("fewer"));
    if (this.#framing === "chunked") this.#append(LAST_CHUNK);
    if (this.#at === 0) return this.#finish("complete");
    this.#output.write(this.#taken()).then(this.#onLastWritten);
  }

  /** The middle of a piece is written where it is; its ends go with what stands around them. */
  async #sendLarge(piece: Uint8Array): Promise<boolean> {
    this.#begin(piece.length);
    const first = this.#scratch.length - this.#at;
    this.#append(piece.subarray(0, first));
    if (!await this.#output.write(this.#taken())) return false;
    const isChunk = this.#framing === "chunked";
    const last = isChunk ? Math.min(piece.length - first, this.#scratch.length - 2) : 0;
    const middle = piece.subarray(first, piece.length - last);
    if (middle.length > 0 && !await this.#output.write(middle)) return false;
    if (!isChunk) return true;
    this.#append(piece.subarray(piece.length - last));
    this.#at = endLine(this.#scratch, this.#at);
    return await this.#output.write(this.#taken());
  }

  #begin(size: number): void {
    if (this.#framing === "chunked") this.#at = beginChunk(this.#scratch, this.#at, size);
  }

  #append(bytes: Uint8Array): void {
    this.#scratch.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #flush(): void {
    this.#output.write(this.#taken()).then(this.#onWritten);
  }

  /** What waits in the scratch buffer, which waits there no more. */
  #taken(): Uint8Array {
    const bytes = this.#scratch.subarray(0, this.#at);
    this.#at = 0;
    return bytes;
  }

  #finish(end: StreamEnd): void {
    if (this.#over) return;
    this.#over = true;
    if (end !== "complete") this.#source.cancel();
    this.#ended.resolve(end);
  }
}

function wrongLength(which: "more" | "fewer"): RouterError {
  return new RouterError("internal", `The answer had ${which} bytes than its Content-Length`);
}
