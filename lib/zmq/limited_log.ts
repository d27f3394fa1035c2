/** Warnings that others can cause at will, at a bounded rate. @module */
import type { Clock, LogFields, Logger } from "../base/mod.ts";

/** Writes at most one warning per period and says how many it left out. */
export class LimitedLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #periodMs: number;
  #lastAt = -Infinity;
  #suppressed = 0;

  constructor(log: Logger, clock: Clock, periodMs = 1000) {
    this.#log = log;
    this.#clock = clock;
    this.#periodMs = periodMs;
  }

  /** Warn, with the count of what was left out since the last line as `suppressed`. */
  warning(message: string, fields: LogFields): void {
    const now = this.#clock.now();
    if (now - this.#lastAt < this.#periodMs) {
      this.#suppressed++;
      return;
    }
    this.#lastAt = now;
    const suppressed = this.#suppressed > 0 ? this.#suppressed : undefined;
    this.#suppressed = 0;
    this.#log.warning(message, { ...fields, suppressed });
  }

  /** Say how many were left out at the end, if any. */
  flush(message: string): void {
    if (this.#suppressed === 0) return;
    this.#log.warning(message, { suppressed: this.#suppressed });
    this.#suppressed = 0;
  }
}
