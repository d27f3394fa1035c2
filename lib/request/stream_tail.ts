/** The end of a stream that passes: an engine that fails behind its first words says so there. @module */
import { concatBytes } from "../base/mod.ts";
import { EVENT_END, SseDecoder } from "../sse/mod.ts";
import { type Told, toldInData } from "./told.ts";

/** As much of the end as is kept, in bytes: more than an event that tells of a failure has. */
const TAIL_BYTES = 4096;

/** Keeps the last bytes of a stream, which may come in any pieces. */
export class StreamTail {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  /** These bytes have come. They are copied: they may be a view, or be given away. */
  note(bytes: Uint8Array): void {
    const piece = bytes.slice(-TAIL_BYTES);
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
    const decoder = new SseDecoder();
    // The first of them may be cut, and says nothing then.
    decoder.push(concatBytes([...this.#pieces, EVENT_END]));
    let told: Told | undefined;
    for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
      told = toldInData(data) ?? told;
    }
    return told;
  }
}
