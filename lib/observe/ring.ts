/** The requests that ended last. @module */
import type { RequestTrace } from "../request/mod.ts";

/** Events that are kept of each: a list of thousands of prompts has more. */
export const MAX_EVENTS = 256;

/** Keeps so many; the one that ended first goes first. */
export class RecentRequests {
  readonly capacity: number;
  readonly #kept: RequestTrace[] = [];
  #ended = 0;

  /** `capacity` 0 keeps none. */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.length;
  }

  /** How many have ended so far. */
  get ended(): number {
    return this.#ended;
  }

  /** One has ended. */
  add(trace: RequestTrace): void {
    if (this.capacity === 0) return;
    trace.trim(MAX_EVENTS);
    this.#kept[this.#ended % this.capacity] = trace;
    this.#ended++;
  }

  /** Those that are kept, the one that ended last first. */
  *latest(): Generator<RequestTrace, void, void> {
    for (let back = 1; back <= this.#kept.length; back++) {
      const trace = this.#kept[(this.#ended - back) % this.capacity];
      if (trace !== undefined) yield trace;
    }
  }
}
