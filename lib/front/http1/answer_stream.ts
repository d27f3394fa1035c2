/** Answers whose bodies are sources: read as the client takes them. @module */
import { RouterError } from "../../base/mod.ts";
import type { ByteSource } from "../../request/mod.ts";
import { beginChunk, endLine, LAST_CHUNK, MAX_FRAME_BYTES, NO_DIGIT } from "./chunk_frame.ts";
import type { Output } from "./output.ts";
import type { Scratch } from "./scratches.ts";

/** How an answer ended: all written; its source broke; the connection was lost, or given up. */
export type StreamEnd = "complete" | "broken" | "lost" | "stopped";

/** What an answer is written from. */
export interface StreamParts {
  readonly source: ByteSource;
  /** A number is the length announced. */
  readonly framing: number | "chunked" | "until-close";
  readonly output: Output;
  /** Its first `headBytes` are the answer's head. */
  readonly scratch: Scratch;
  readonly headBytes: number;
}

/**
 * Turns of the microtask queue that what is to be written waits for more which is there already. A
 * head waits longer: the first piece comes through all that was put around the source.
 */
const TURNS = 4;
const HEAD_TURNS = 16;

/** Digits in front of a chunk's size that say nothing: readers take 16 in all at least. */
const MAX_NO_DIGITS = 8;

/** A piece, or the end. */
type Piece = Uint8Array | undefined;

const SOON: Promise<void> = Promise.resolve();

/**
 * Writes one answer. Pieces that are there leave together, as many as fit into one write; while a
 * write is under way one piece at most is read ahead.
 */
export class AnswerStream {
  readonly #source: ByteSource;
  readonly #framing: StreamParts["framing"];
  readonly #output: Output;
  readonly #scratch: Scratch;
  readonly #ended = Promise.withResolvers<StreamEnd>();
  /** Bytes that wait in the scratch buffer. */
  #at: number;
  /** Bytes of the length announced that are to come. */
  #left: number;
  #reading = false;
  #writing = false;
  /** What came while there was no room for it. */
  #held: { readonly piece: Piece } | "broken" | undefined;
  /** Turns that what waits goes on to wait; counted down by one microtask after the other. */
  #turns = 0;
  #counting = false;
  #over = false;
  /** Digits in front of the next chunk that are written already. */
  #noDigits = 0;
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
    if (this.#at > 0) this.#wait(HEAD_TURNS);
    return this.#ended.promise;
  }

  /** Give it up: the client has gone. */
  stop(): void {
    this.#finish("stopped");
  }

  /**
   * Write something that says nothing, where that can be done: the answer is lost when it fails. Of a
   * chunked body this is a zero in front of the next chunk's size.
   */
  probe(): void {
    const isSilent = !this.#over && !this.#writing && this.#at === 0;
    if (!isSilent || this.#framing !== "chunked" || this.#noDigits === MAX_NO_DIGITS) return;
    this.#noDigits++;
    this.#writing = true;
    this.#output.write(NO_DIGIT).then(this.#onWritten);
  }

  #pull(): void {
    this.#reading = true;
    try {
      this.#source.read().then(this.#onPiece, this.#onBroken);
    } catch (error) {
      this.#onBroken(error);
    }
  }

  readonly #onPiece = (piece: Piece): void => {
    this.#reading = false;
    if (this.#over) return;
    if (this.#writing) this.#held = { piece };
    else this.#take(piece);
  };

  /** What came before the source broke is written. */
  readonly #onBroken = (error: unknown): void => {
    if (this.#over) return;
    this.failure = error;
    // It is read no more.
    this.#reading = true;
    if (!this.#writing && this.#at === 0) return this.#finish("broken");
    this.#held = "broken";
    if (!this.#writing) this.#flush();
  };

  readonly #onWritten = (ok: boolean): void => {
    if (this.#over) return;
    if (!ok) return this.#finish("lost");
    this.#writing = false;
    const held = this.#held;
    this.#held = undefined;
    if (held === "broken") return this.#finish("broken");
    if (held !== undefined) return this.#take(held.piece);
    // Until there is more to write, others have it.
    this.#scratch.rest();
    if (!this.#reading) this.#pull();
  };

  readonly #onLastWritten = (ok: boolean): void => this.#finish(ok ? "complete" : "lost");

  /** Nothing is being written: put a piece behind what waits, or let that leave first. */
  #take(piece: Piece): void {
    if (piece === undefined) return this.#takeEnd();
    const size = piece.length;
    // An empty chunk would be the end.
    if (size === 0) return this.#pull();
    if (size > this.#scratch.bytes.length - this.#at - MAX_FRAME_BYTES) {
      return this.#takeLarge(piece);
    }
    if (!this.#count(size)) return;
    this.#begin(size);
    this.#append(piece);
    if (this.#framing === "chunked") this.#at = endLine(this.#scratch.bytes, this.#at);
    this.#pull();
    this.#wait(TURNS);
  }

  #takeEnd(): void {
    if (this.#left > 0) return this.#onBroken(wrongLength("fewer"));
    if (this.#framing === "chunked") {
      if (this.#scratch.bytes.length - this.#at < LAST_CHUNK.length) {
        this.#held = { piece: undefined };
        return this.#flush();
      }
      this.#append(LAST_CHUNK);
    }
    if (this.#at === 0) return this.#finish("complete");
    this.#writing = true;
    this.#output.write(this.#taken()).then(this.#onLastWritten);
  }

  #takeLarge(piece: Uint8Array): void {
    // Small pieces that wait leave first; a head leaves with the beginning of this one.
    if (this.#at > this.#scratch.bytes.length / 2) {
      this.#held = { piece };
      return this.#flush();
    }
    if (!this.#count(piece.length)) return;
    this.#writing = true;
    this.#sendLarge(piece).then(this.#onWritten);
  }

  /** Whether so many bytes may come; the answer is broken where they may not. */
  #count(size: number): boolean {
    if (typeof this.#framing !== "number" || (this.#left -= size) >= 0) return true;
    this.#onBroken(wrongLength("more"));
    return false;
  }

  /** What waits leaves when so many turns have brought nothing more. */
  #wait(turns: number): void {
    this.#turns = turns;
    if (this.#counting) return;
    this.#counting = true;
    SOON.then(this.#onTurn);
  }

  readonly #onTurn = (): void => {
    this.#counting = false;
    if (this.#over || this.#writing || this.#at === 0) return;
    if (--this.#turns > 0) this.#wait(this.#turns);
    else this.#flush();
  };

  /** The middle of a piece is written where it is; its ends go with what stands around them. */
  async #sendLarge(piece: Uint8Array): Promise<boolean> {
    this.#begin(piece.length);
    const first = this.#scratch.bytes.length - this.#at;
    this.#append(piece.subarray(0, first));
    if (!await this.#output.write(this.#taken())) return false;
    const isChunk = this.#framing === "chunked";
    const last = isChunk ? Math.min(piece.length - first, this.#scratch.bytes.length - 2) : 0;
    const middle = piece.subarray(first, piece.length - last);
    if (middle.length > 0 && !await this.#output.write(middle)) return false;
    if (!isChunk) return true;
    this.#append(piece.subarray(piece.length - last));
    this.#at = endLine(this.#scratch.bytes, this.#at);
    return await this.#output.write(this.#taken());
  }

  #begin(size: number): void {
    this.#noDigits = 0;
    if (this.#framing === "chunked") this.#at = beginChunk(this.#scratch.bytes, this.#at, size);
  }

  #append(bytes: Uint8Array): void {
    this.#scratch.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #flush(): void {
    this.#writing = true;
    this.#output.write(this.#taken()).then(this.#onWritten);
  }

  /** What waits in the scratch buffer, which waits there no more. */
  #taken(): Uint8Array {
    const bytes = this.#scratch.bytes.subarray(0, this.#at);
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
