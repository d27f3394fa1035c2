/** Waits for what a fleet comes to: that an engine is there, leaves, or has nothing under way. @module */
import type { Clock, WaitEnd } from "../base/mod.ts";
import type { FleetObserver } from "./fleet_options.ts";
import type { Seating } from "./seats.ts";

/** Ends of a wait that somebody else sets. */
export interface WaitLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Looks again whenever anything changes at the engines; never by the clock. */
export class FleetWaits implements Disposable {
  readonly #clock: Pick<Clock, "after">;
  readonly #looks = new Set<() => void>();
  #watching: Disposable | undefined;

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /** `observer`, of whose flights this is told too. */
  observing(observer: FleetObserver): FleetObserver {
    return {
      ...observer,
      onInflight: (engine, leg, delta) => {
        observer.onInflight(engine, leg, delta);
        this.#look();
      },
    };
  }

  /** The fleet that it waits for. */
  attach(fleet: Pick<Seating, "watchRoom">): void {
    this.#watching = fleet.watchRoom(() => this.#look());
  }

  /** Until `holds` does: looked at at once, and whenever something has changed. */
  until(holds: () => boolean, { timeoutMs, signal }: WaitLimits): Promise<WaitEnd> {
    if (holds()) return Promise.resolve("ready");
    if (signal.aborted) return Promise.resolve("aborted");
    return new Promise((resolve) => {
      const end = (how: WaitEnd): void => {
        this.#looks.delete(look);
        timer.cancel();
        signal.removeEventListener("abort", onAbort);
        resolve(how);
      };
      const onAbort = (): void => end("aborted");
      const look = (): void => {
        if (holds()) end("ready");
      };
      const timer = this.#clock.after(timeoutMs, () => end("timed-out"));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#looks.add(look);
    });
  }

  [Symbol.dispose](): void {
    this.#watching?.[Symbol.dispose]();
  }

  #look(): void {
    if (this.#looks.size === 0) return;
    for (const look of [...this.#looks]) look();
  }
}
