/** Buffers for what is written, used again and again. @module */

/** Head and small body of an answer, or an event, go out in one write of at most so many bytes. */
export const SCRATCH_BYTES = 16 * 1024;

/** Buffers kept while nobody uses them. */
const MAX_KEPT = 256;

/** Lends buffers; as many as there are answers that are just being written. */
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

/** One of them, which is there while it is used: an answer that comes in pieces has most of its time none. */
export class Scratch {
  readonly #scratches: Scratches;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  constructor(scratches: Scratches) {
    this.#scratches = scratches;
  }

  /** The same one until it is given back. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes ??= this.#scratches.take();
  }

  /** Give it back, if there is one: nothing of it is being written, or is still to be. */
  rest(): void {
    if (this.#bytes === undefined) return;
    this.#scratches.give(this.#bytes);
    this.#bytes = undefined;
  }
}
