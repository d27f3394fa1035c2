/** How many further attempts there may be, so that engines in trouble do not get twice the load. @module */
import type { Clock } from "../base/mod.ts";

/** What may be spent on further attempts. */
export interface RetryLimits {
  /** Further attempts at one request. */
  readonly perRequest: number;
  /** Of all requests, the share that may be tried once more. */
  readonly share: number;
  /** And so many more in each second, however few requests there are. */
  readonly perSecond: number;
}

/** Seconds for which what is not spent is kept. */
const KEPT_SECONDS = 10;

/** One budget for all requests of a router. */
export class RetryBudget {
  /** Further attempts at one request. */
  readonly perRequest: number;
  readonly #clock: Clock;
  readonly #limits: RetryLimits;
  readonly #most: number;
  #left: number;
  #atMs: number;

  constructor(clock: Clock, limits: RetryLimits) {
    this.perRequest = limits.perRequest;
    this.#clock = clock;
    this.#limits = limits;
    this.#most = Math.max(1, limits.perSecond * KEPT_SECONDS);
    this.#left = this.#most;
    this.#atMs = clock.now();
  }

  /** A request has come. */
  began(): void {
    this.#left = Math.min(this.#left + this.#limits.share, this.#most);
  }

  /** Whether one more attempt may be made; it is spent then. */
  take(): boolean {
    if (!this.allows()) return false;
    this.#left--;
    return true;
  }

  /** Whether one more attempt may be made at this moment; nothing is spent. */
  allows(): boolean {
    const nowMs = this.#clock.now();
    const earned = (nowMs - this.#atMs) / 1_000 * this.#limits.perSecond;
    this.#atMs = nowMs;
    this.#left = Math.min(this.#left + earned, this.#most);
    return this.#left >= 1;
  }
}
