/** Whether the router has warmed up. @module */
import { describeError, type Logger } from "./base/mod.ts";

/** Warms up, until it is told to stop. */
export type WarmUp = (signal: AbortSignal) => Promise<void>;

/** One warm-up; disposing it ends it. */
export class Warming implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #underWay = true;

  /** Begins it; without one, there is nothing to wait for. A router that could not warm up serves cold. */
  constructor(warmUp: WarmUp | undefined, log: Pick<Logger, "warning">) {
    this.#ended = warmUp === undefined
      ? Promise.resolve()
      : warmUp(this.#stop.signal).catch((error) =>
        log.warning("Cannot warm up", () => ({ error: describeError(error) }))
      );
    if (warmUp === undefined) this.#underWay = false;
    else this.#ended.then(() => this.#underWay = false);
  }

  /** True until it has ended, however it has. */
  get underWay(): boolean {
    return this.#underWay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
