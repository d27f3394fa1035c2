/** Whether the router has warmed up. @module */
import { type Clock, describeError, type Logger, sleep } from "./base/mod.ts";

/** Warms up, until it is told to stop; rests more while `busy` says that somebody waits for an answer. */
export type WarmUp = (signal: AbortSignal, busy: () => boolean) => Promise<void>;

/** What a warm-up is begun with. */
export interface WarmingParts {
  readonly clock: Clock;
  readonly log: Pick<Logger, "warning">;
  /** What is to be done first, as long as that does not take long: the engines are asked for their models. */
  readonly after: Promise<unknown>;
}

/** How long what is to be done first is waited for, in milliseconds. */
const PATIENCE_MS = 200;

/** One warm-up; disposing it ends it. */
export class Warming implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #underWay: boolean;
  #waiting = 0;

  /** Begins it; without one, there is nothing to wait for. A router that could not warm up serves cold. */
  constructor(warmUp: WarmUp | undefined, parts: WarmingParts) {
    this.#underWay = warmUp !== undefined;
    this.#ended = warmUp === undefined ? Promise.resolve() : this.#run(warmUp, parts);
  }

  /** True until it has ended, however it has. */
  get underWay(): boolean {
    return this.#underWay;
  }

  /** What `answer` gives; the warm-up rests more until it has come. */
  async during<T>(answer: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await answer();
    } finally {
      this.#waiting--;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(warmUp: WarmUp, { clock, log, after }: WarmingParts): Promise<void> {
    const { signal } = this.#stop;
    const waited = new AbortController();
    const over = AbortSignal.any([signal, waited.signal]);
    try {
      await Promise.race([after, sleep(clock, PATIENCE_MS, over)]);
      if (!signal.aborted) await warmUp(signal, () => this.#waiting > 0);
    } catch (error) {
      log.warning("Cannot warm up", () => ({ error: describeError(error) }));
    } finally {
      waited.abort();
      this.#underWay = false;
    }
  }
}
