/** Encoded spans that wait for the collector, up to a number and a size. @module */

/** How much may wait. */
export interface QueueLimits {
  readonly spans: number;
  readonly bytes: number;
}

/** The first come leave first. */
export class SpanQueue {
  readonly #limits: QueueLimits;
  #spans: Uint8Array[] = [];
  /** Of these, those that have left. */
  #left = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Spans that wait. */
  get length(): number {
    return this.#spans.length - this.#left;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Have `span` wait; false where too many do. */
  add(span: Uint8Array): boolean {
    const { spans, bytes } = this.#limits;
    if (this.length >= spans || this.#bytes + span.length > bytes) return false;
    this.#spans.push(span);
    this.#bytes += span.length;
    return true;
  }

  /** The next ones, at most as much as `most`; one at least where any waits. */
  take(most: QueueLimits): readonly Uint8Array[] {
    let to = this.#left;
    let bytes = 0;
    for (; to < this.#spans.length && to - this.#left < most.spans; to++) {
      const size = this.#spans[to]?.length ?? 0;
      if (to > this.#left && bytes + size > most.bytes) break;
      bytes += size;
    }
    const taken = this.#spans.slice(this.#left, to);
    this.#left = to;
    this.#bytes -= bytes;
    // Moved down once half of the list has left: each span moves once, on average.
    if (this.#left * 2 >= this.#spans.length) {
      this.#spans = this.#spans.slice(this.#left);
      this.#left = 0;
    }
    return taken;
  }
}
