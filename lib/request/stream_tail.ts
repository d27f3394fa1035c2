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

/** Keeps the last bytes of an answer, which may come in any pieces. */
export class StreamTail {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;
  #total = 0;

  /** These bytes have come. They are copied: they may be a view, or be given away. */
  note(bytes: Uint8Array): void {
    const piece = bytes.slice(-TAIL_BYTES);
    this.#total += bytes.length;
    this.#pieces.push(piece);
    this.#length += piece.length;
    for (;;) {
      const oldest = this.#pieces[0];
      if (oldest === undefined || this.#length - oldest.length < TAIL_BYTES) return;
      this.#pieces.shift();
      this.#length -= oldest.length;
    }
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
    const told = tokensToldIn(concatBytes(this.#pieces));
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
    decoder.push(concatBytes([...this.#pieces, EVENT_END]));
    for (let data = decoder.next(); data !== undefined; data = decoder.next()) yield data;
  }
}
