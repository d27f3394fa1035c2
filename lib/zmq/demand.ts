/** Whether anybody waits for a message; a socket that must look for messages goes by it. @module */
import { Lease } from "../base/mod.ts";

/** A demand for messages that comes and goes. */
export interface Demand {
  /** Whether anybody waits. */
  readonly waiting: boolean;
  /** Call `wake` whenever waiting begins, until the lease is released. `wake` must not throw. */
  onWaiting(wake: () => void): Lease;
}

/** For a socket that was told of no demand: somebody may always be waiting. */
export const ALWAYS: Demand = { waiting: true, onWaiting: () => new Lease(() => {}) };

/** The demand of any number of waiters. */
export class WaiterCount implements Demand {
  readonly #wakes = new Set<() => void>();
  #count = 0;

  get waiting(): boolean {
    return this.#count > 0;
  }

  /** One more waits, until the lease is released. */
  enter(): Lease {
    this.#count++;
    const first = this.#count === 1;
    for (const wake of first ? this.#wakes : []) wake();
    return new Lease(() => this.#count--);
  }

  onWaiting(wake: () => void): Lease {
    this.#wakes.add(wake);
    return new Lease(() => this.#wakes.delete(wake));
  }
}
