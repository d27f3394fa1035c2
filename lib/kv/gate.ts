/** At most so many at once, the others in order of arrival. @module */
import { type AbortWatch, Lease } from "../base/mod.ts";

/** A counting semaphore. */
export class Gate {
  readonly #places: number;
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#places = places;
    this.#free = places;
  }

  /** Whether nobody is in it or waits. */
  get unused(): boolean {
    return this.#free === this.#places;
  }

  /** Resolves with a place, to be released; "aborted" when `signal` aborts first. */
  enter(signal: AbortWatch): Promise<Lease | "aborted"> {
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

/** A gate for each key, there as long as somebody uses it. */
export class Gates {
  readonly #places: number;
  readonly #gates = new Map<string, Gate>();

  constructor(places: number) {
    this.#places = places;
  }

  /** Gates in use. */
  get size(): number {
    return this.#gates.size;
  }

  /** As `Gate.enter`, at the gate of `key`. */
  async enter(key: string, signal: AbortWatch): Promise<Lease | "aborted"> {
    const gate = this.#gates.get(key) ?? new Gate(this.#places);
    this.#gates.set(key, gate);
    const place = await gate.enter(signal);
    const leave = (): void => {
      // One that aborted hears of it a turn later: the key can have another gate by then.
      if (gate.unused && this.#gates.get(key) === gate) this.#gates.delete(key);
    };
    if (place === "aborted") {
      leave();
      return place;
    }
    return new Lease(() => {
      place.release();
      leave();
    });
  }
}
