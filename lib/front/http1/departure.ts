/**
 * Whether a client that has ended what it sends is still there. TCP tells one that has closed from one
 * that has shut down its side by no other sign than a write that fails: so something is written now and
 * then that says nothing, which whoever has closed answers with a reset.
 * @module
 */
import type { Clock, Timer } from "../../base/mod.ts";

/** When the first is written, in milliseconds; the time to the next doubles each time. */
export const FIRST_PROBE_MS = 20;

/** How many are written: the last comes after nearly an hour and a half. */
export const MAX_PROBES = 18;

/** Has something written, until it is disposed. */
export class Departure implements Disposable {
  readonly #clock: Clock;
  readonly #probe: () => void;
  #timer: Timer;
  #probes = 0;

  /** `probe` writes what says nothing; whoever gives it sees whether that fails. */
  constructor(clock: Clock, probe: () => void) {
    this.#clock = clock;
    this.#probe = probe;
    this.#timer = this.#arm();
  }

  [Symbol.dispose](): void {
    this.#timer.cancel();
  }

  #arm(): Timer {
    return this.#clock.after(FIRST_PROBE_MS * 2 ** this.#probes, () => {
      if (++this.#probes < MAX_PROBES) this.#timer = this.#arm();
      this.#probe();
    });
  }
}
