/** How many requests run at a time; the others wait in order. @module */

/** A place among those that run. */
export interface Place extends Disposable {
  /** Give it back; later calls do nothing. */
  release(): void;
}

/** First come, first served. */
export class Admission {
  #free: number;
  readonly #queue = new Set<() => void>();

  /** @param places How many may run at a time, at least 1. */
  constructor(places: number) {
    this.#free = places;
  }

  /** Requests waiting for a place. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** A place, or undefined when `signal` aborts first. */
  async enter(signal: AbortSignal): Promise<Place | undefined> {
    if (signal.aborted) return undefined;
    if (this.#free === 0 && !await this.#wait(signal)) return undefined;
    this.#free--;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#free++;
      const [next] = this.#queue;
      next?.();
    };
    return { release, [Symbol.dispose]: release };
  }

  #wait(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (admitted: boolean): void => {
        this.#queue.delete(admit);
        signal.removeEventListener("abort", leave);
        resolve(admitted);
      };
      const admit = (): void => settle(true);
      const leave = (): void => settle(false);
      this.#queue.add(admit);
      signal.addEventListener("abort", leave, { once: true });
    });
  }
}
