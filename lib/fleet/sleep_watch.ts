/** Finds engines that sleep though this router has not put them to sleep, at the least cost. @module */
import type { Engine } from "../base/mod.ts";
import type { FleetChange } from "./fleet_options.ts";
import type { Outcome } from "./flight.ts";
import type { FetchCards } from "./model_watcher.ts";

/** What it works with. */
export interface SleepWatchDeps {
  /** Whether an engine sleeps; undefined where it does not say. */
  readonly isAsleep: (engine: Engine, signal: AbortSignal) => Promise<boolean | undefined>;
  readonly setAsleep: (engine: Engine, asleep: boolean) => void;
  /** Whether it may be asked at all: most have no such endpoint. */
  readonly mayAsk: (engine: Engine) => boolean;
}

/**
 * Engines are asked whether they sleep when they are met or have changed, while they sleep, and when a
 * request to them has failed since, where they may be; others are left alone.
 */
export class SleepWatch {
  readonly #deps: SleepWatchDeps;
  /** URLs of engines that need not be asked. */
  readonly #settled = new Set<string>();

  constructor(deps: SleepWatchDeps) {
    this.#deps = deps;
  }

  /** As `fetch`; behind it the engine is asked whether it sleeps, where it is to be. */
  behind(fetch: FetchCards): FetchCards {
    return async (flight, signal) => {
      const { engine } = flight;
      const cards = await fetch(flight, signal);
      if (this.#settled.has(engine.url) || !this.#deps.mayAsk(engine)) return cards;
      const asleep = await this.#deps.isAsleep(engine, signal);
      if (asleep !== true && !signal.aborted) this.#settled.add(engine.url);
      if (asleep !== undefined) this.#deps.setAsleep(engine, asleep);
      return cards;
    };
  }

  /** Learn of a flight that is over: an engine whose answer has failed is asked again. */
  landed({ engine, end, status = 0 }: Outcome): void {
    if (end === "failed" || status >= 500) this.#settled.delete(engine.url);
  }

  /** Learn of engines that change, as by being put to sleep, and of those that go. */
  follow({ kind, engine }: FleetChange): void {
    if (kind !== "added" && kind !== "leaving") this.#settled.delete(engine.url);
  }
}
