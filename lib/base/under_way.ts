/** What is under way, counted. @module */
import { Lease } from "./lease.ts";

/** Counts what has begun and not ended. */
export class UnderWay {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#count;
  }

  /** Something begins; it has ended when the lease is released. */
  begin(): Lease {
    this.#count++;
    return new Lease(() => {
      this.#count--;
      if (this.#count > 0) return;
      this.#idle?.resolve();
      this.#idle = undefined;
    });
  }

  /** Resolves when nothing is under way, at once where nothing is. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return (this.#idle ??= Promise.withResolvers()).promise;
  }
}
