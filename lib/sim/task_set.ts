/** Work that outlives the request that began it, so that a stop can wait for it. @module */
import { describeError, type Logger } from "../base/mod.ts";

/** Running background work. */
export class TaskSet {
  readonly #running = new Set<Promise<void>>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Keep `task` until it ends; an error is logged under `name`. */
  add(name: string, task: Promise<void>): void {
    const kept = task.catch((error: unknown) => {
      this.#log.error(`${name} failed: ${describeError(error)}`);
    }).finally(() => this.#running.delete(kept));
    this.#running.add(kept);
  }

  /** Wait until nothing runs. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
