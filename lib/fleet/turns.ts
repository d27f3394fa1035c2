/** Work of which only so much is done at once; what is more waits in the order it came. @module */
import { Lease } from "../base/mod.ts";

/** Whose turn it is. As many wait as ask. */
export class Turns {
  readonly #line = new Set<() => void>();
  #free: number;

  /** `most` at once, at least 1. */
  constructor(most: number) {
    this.#free = most;
  }

  /** Those who wait. */
  get waiting(): number {
    return this.#line.size;
  }

  /** A turn, to be given back; undefined when `signal` aborts before it has come. */
  async take(signal: AbortSignal): Promise<Lease | undefined> {
    if (signal.aborted) return undefined;
    if (this.#free > 0) this.#free--;
    else if (!await this.#wait(signal)) return undefined;
    return new Lease(() => {
      const [next] = this.#line;
      if (next === undefined) this.#free++;
      else next();
    });
  }

  /** Whoever is called has the turn of the one who has given it back. */
  #wait(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (called: boolean): void => {
        this.#line.delete(call);
        signal.removeEventListener("abort", leave);
        resolve(called);
      };
      const call = (): void => settle(true);
      const leave = (): void => settle(false);
      this.#line.add(call);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
