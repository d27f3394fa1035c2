/** Something taken that must be given back exactly once. @module */

/**
 * Runs its release exactly once, however often and on whichever path it is asked.
 *
 * Hold it with `using` inside one function; hand it to a response body when it must outlive one.
 */
export class Lease implements Disposable {
  #release: (() => void) | undefined;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Give back; later calls do nothing. */
  release(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  /** Hand what is held to a lease that outlives this one, which then releases nothing. */
  move(): Lease {
    const release = this.#release;
    this.#release = undefined;
    return new Lease(() => release?.());
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
