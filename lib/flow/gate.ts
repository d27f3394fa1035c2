/** At most so many at once, the others in order of arrival. @module */
import { Lease } from "../base/mod.ts";

/** A counting semaphore. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Resolves with a place, to be released; "aborted" when `signal` aborts first. */
  enter(signal: AbortSignal): Promise<Lease | "aborted"> {
    if (signal.aborted) return Promise.resolve("aborted");
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(this.#lease());
    }
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve(this.#lease());
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        resolve("aborted");
      };
      this.#waiting.push(go);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #lease(): Lease {
    return new Lease(() => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    });
  }
}
