/** A clock that knows how many of its timers have yet to run. @module */
import type { Clock, Timer } from "../../lib/base/mod.ts";

/** Another clock's time, with its timers counted. */
export class CountingClock implements Clock {
  readonly #clock: Clock;
  #pending = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Timers that have neither run nor been cancelled. */
  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return this.#clock.now();
  }

  unixMs(): number {
    return this.#clock.unixMs();
  }

  after(delayMs: number, run: () => void): Timer {
    this.#pending++;
    let open = true;
    const close = (): void => {
      if (open) this.#pending--;
      open = false;
    };
    const timer = this.#clock.after(delayMs, () => {
      close();
      run();
    });
    const cancel = (): void => {
      close();
      timer.cancel();
    };
    return { cancel, [Symbol.dispose]: cancel };
  }
}
