/** Work that outlives its request, so that stopping can wait for it. @module */
import { type AbortWatch, describeError, LazyAbort, type Logger } from "../base/mod.ts";

/** Keeps track of promises nobody else awaits. */
export class Background {
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new LazyAbort();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Aborts when the app stops: background work ends early then. */
  get signal(): AbortWatch {
    return this.#stop;
  }

  /** Pieces of work under way. */
  get size(): number {
    return this.#running.size;
  }

  /** Look after `work` to its end; its failure is logged. */
  run(work: Promise<unknown>): void {
    const tracked = work.then(() => {}, (error: unknown) => {
      this.#log.error("Background work failed", () => ({ error: describeError(error) }));
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Ask all work to end, and wait for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.idle();
  }
}
