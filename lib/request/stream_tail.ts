/**
 * The end of an answer that passes: an engine that fails behind its first words says so there, and tells
 * how many tokens there were.
 * @module
 */
import { concatBytes } from "../base/mod.ts";
import type { AnswerTokens } from "../fleet/mod.ts";
import { EVENT_END, SseDecoder } from "../sse/mod.ts";
import { tokensToldIn } from "./answer_tokens.ts";
import { type Told, toldInData } from "./told.ts";

/** As much of the end as is kept, in bytes: more than an event that tells of a failure has. */
const TAIL_BYTES = 4096;

/** What an event has beside its data: its name and its end, in bytes. */
const EVENT_BYTES = 8;

/** Size of the first buffer that it is kept in, and of the last. */
const FIRST_BYTES = 1024;
const MOST_BYTES = 2 * TAIL_BYTES;

/** Keeps the last bytes of an answer, which may come in any pieces. */
export class StreamTail {
  #bytes: Uint8Array = new Uint8Array(0);
  /** So many of them are kept; more than a tail has, so that they need not be moved for each piece. */
  #length = 0;
  #total = 0;

  /** These bytes have come. They are copied: they may be a view, or be given away. */
  note(bytes: Uint8Array): void {
    const size = bytes.length;
    this.#total += size;
    if (size >= TAIL_BYTES) {
      this.#length = 0;
      this.#append(bytes.subarray(size - TAIL_BYTES));
    } else this.#append(bytes);
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) this.#makeRoom(needed);
    this.#bytes.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** A larger buffer, or in the largest the place of what is no part of the tail any more. */
  #makeRoom(needed: number): void {
    if (this.#bytes.length < MOST_BYTES) {
      const size = Math.min(Math.max(needed, 2 * this.#bytes.length, FIRST_BYTES), MOST_BYTES);
      const larger = new Uint8Array(size);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    if (needed <= MOST_BYTES) return;
    this.#bytes.copyWithin(0, this.#length - TAIL_BYTES, this.#length);
    this.#length = TAIL_BYTES;
  }

  get #tail(): Uint8Array {
    return this.#bytes.subarray(Math.max(0, this.#length - TAIL_BYTES), this.#length);
  }

  /** What the last events tell in place of what was asked for; undefined for nothing of the kind. */
  told(): Told | undefined {
    let told: Told | undefined;
    for (const data of this.#events()) told = toldInData(data) ?? told;
    return told;
  }

  /**
   * How many tokens the answer had, as it tells. Of a stream that does not tell, about as many as it had
   * events, all taken to be as long as the last ones: nobody has counted them.
   */
  tokens(streams: boolean): AnswerTokens | undefined {
    const told = tokensToldIn(this.#tail);
    if (told !== undefined || !streams) return told;
    let [count, bytes] = [0, 0];
    for (const { length } of this.#events()) {
      count++;
      bytes += length + EVENT_BYTES;
    }
    if (count === 0) return undefined;
    return { answer: Math.round(this.#total * count / bytes), about: true };
  }

  *#events(): Generator<Uint8Array, void, void> {
    const decoder = new SseDecoder();
    // The first of them may be cut, and says nothing then.
    decoder.push(concatBytes([this.#tail, EVENT_END]));
    for (let data = decoder.next(); data !== undefined; data = decoder.next()) yield data;
  }
}
