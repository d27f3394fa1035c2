/** Buffers for what is written, used again and again. @module */

/** Head and small body of an answer, or an event, go out in one write of at most so many bytes. */
export const SCRATCH_BYTES = 16 * 1024;

/** Buffers kept while nobody uses them. */
const MAX_KEPT = 256;

/** Lends buffers; as many as there are answers under way. */
export class Scratches {
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];

  take(): Uint8Array<ArrayBuffer> {
    return this.#kept.pop() ?? new Uint8Array(SCRATCH_BYTES);
  }

  /** Give one back that nothing writes from or into any more. */
  give(scratch: Uint8Array<ArrayBuffer>): void {
    if (this.#kept.length < MAX_KEPT) this.#kept.push(scratch);
  }
}
