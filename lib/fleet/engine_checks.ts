/** Tries engines with requests of the router's own, at intervals. @module */
import {
  type Clock,
  describeError,
  type Engine,
  type Logger,
  overloadIn,
  sleep,
} from "../base/mod.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetChange } from "./fleet_options.ts";
import type { Flight } from "./flight.ts";

/** One request by which an engine is tried. */
export interface EngineCheck {
  /** For the log. */
  readonly what: string;
  /**
   * Sends it and reads the answer. Resolves with whether that says anything, and rejects when there is
   * none; how the flight ended is said by whoever asked.
   */
  readonly ask: (flight: Flight, signal: AbortSignal) => Promise<"ok" | "nothing">;
}

/** What checks work with. */
export interface EngineChecksDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fleet: Pick<Fleet, "snapshot" | "take" | "watch">;
  /** From the end of an engine's checks to the next ones, in milliseconds. */
  readonly everyMs: number;
  /** What an engine is tried with; nothing while its models are not known. */
  readonly checksOf: (engine: Engine) => readonly EngineCheck[];
}

/** The checks of one engine. */
interface Watched {
  readonly stop: AbortController;
  /** Ends the wait for its models; undefined when it has been tried. */
  wake: (() => void) | undefined;
  failing: boolean;
}

/** Tries every engine while it is in the fleet, from when its models are known. */
export class EngineChecks implements AsyncDisposable {
  readonly #deps: EngineChecksDeps;
  readonly #watched = new Map<string, Watched>();
  readonly #running = new Set<Promise<void>>();
  readonly #watch: Disposable;

  constructor(deps: EngineChecksDeps) {
    this.#deps = deps;
    this.#watch = deps.fleet.watch((change) => this.#follow(change));
    for (const { id } of deps.fleet.snapshot().engines) this.#begin(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    for (const id of [...this.#watched.keys()]) this.#end(id);
    await Promise.all(this.#running);
  }

  #follow({ kind, engine: { id } }: FleetChange): void {
    switch (kind) {
      case "added":
        return this.#begin(id);
      case "changed":
        // One that was leaving can be there to stay again.
        if (!this.#watched.has(id)) this.#begin(id);
        return this.#watched.get(id)?.wake?.();
      case "leaving":
      case "removed":
        return this.#end(id);
      case "forgotten":
        return;
      default:
        return kind satisfies never;
    }
  }

  #begin(id: string): void {
    const watched: Watched = { stop: new AbortController(), wake: undefined, failing: false };
    this.#watched.set(id, watched);
    const running = this.#run(id, watched).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #end(id: string): void {
    this.#watched.get(id)?.stop.abort();
    this.#watched.delete(id);
  }

  async #run(id: string, watched: Watched): Promise<void> {
    const { clock, fleet, everyMs, checksOf } = this.#deps;
    const { signal } = watched.stop;
    while (!signal.aborted) {
      const engine = fleet.snapshot().find(id);
      const checks = engine === undefined ? [] : checksOf(engine);
      if (engine !== undefined && checks.length > 0) await this.#try(engine, checks, watched);
      const waiting = new AbortController();
      if (checks.length === 0) watched.wake = () => waiting.abort();
      await sleep(clock, everyMs, AbortSignal.any([signal, waiting.signal]));
      watched.wake = undefined;
    }
  }

  /** One flight for all: what one of them says must not be taken back by the next. */
  async #try(engine: Engine, checks: readonly EngineCheck[], watched: Watched): Promise<void> {
    const { log, fleet } = this.#deps;
    const { signal } = watched.stop;
    using flight = fleet.take(engine, "check");
    let under = "";
    try {
      let known = true;
      for (const { what, ask } of checks) {
        under = what;
        if (await ask(flight, signal) === "nothing") known = false;
      }
      if (signal.aborted || !known) return;
      flight.ok();
      if (watched.failing) log.info("Engine passes its checks again", { url: engine.url });
      watched.failing = false;
    } catch (error) {
      // Without room here, nothing was asked.
      if (signal.aborted || overloadIn(error) !== undefined) return;
      flight.failed(error);
      if (!watched.failing) {
        log.warning("Engine fails a check: it is gone around", () => ({
          url: engine.url,
          check: under,
          error: describeError(error),
        }));
      }
      watched.failing = true;
    }
  }
}
