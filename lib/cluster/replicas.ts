/** Which other replicas are heard. @module */
import type { Clock } from "../base/mod.ts";
import { SILENT_MS } from "../gossip/mod.ts";

/** Most that are counted. */
export const MAX_REPLICAS = 1_024;

/** Remembers when each was heard last. */
export class Replicas {
  readonly #clock: Pick<Clock, "now">;
  /** The one heard last at the end. */
  readonly #heardMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Those heard for no longer ago than gossip remembers them. */
  get count(): number {
    this.#forget();
    return this.#heardMs.size;
  }

  heard(tag: string): void {
    this.#heardMs.delete(tag);
    if (this.#heardMs.size >= MAX_REPLICAS) this.#forget();
    if (this.#heardMs.size < MAX_REPLICAS) this.#heardMs.set(tag, this.#clock.now());
  }

  #forget(): void {
    const leastMs = this.#clock.now() - SILENT_MS;
    for (const [tag, heardMs] of this.#heardMs) {
      if (heardMs >= leastMs) break;
      this.#heardMs.delete(tag);
    }
  }
}
