/** Tries engines with requests of the router's own, at intervals. @module */
import { type Clock, describeError, type Engine, type Logger, overloadIn } from "../base/mod.ts";
import { type EngineLoop, EngineLoops } from "./engine_loops.ts";
import type { Fleet } from "./fleet.ts";
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
  readonly loop: EngineLoop;
  failing: boolean;
}

/** Tries every engine while it is in the fleet, from when its models are known. */
export class EngineChecks implements AsyncDisposable {
  readonly #deps: EngineChecksDeps;
  readonly #loops: EngineLoops;

  constructor(deps: EngineChecksDeps) {
    this.#deps = deps;
    const { clock, fleet } = deps;
    const run = (loop: EngineLoop): Promise<void> => this.#run(loop);
    this.#loops = new EngineLoops({ clock, fleet, run, until: "leaving" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loops[Symbol.asyncDispose]();
  }

  async #run(loop: EngineLoop): Promise<void> {
    const { fleet, everyMs, checksOf } = this.#deps;
    const watched: Watched = { loop, failing: false };
    let tried: boolean;
    do {
      const engine = fleet.snapshot().find(loop.id);
      const checks = engine === undefined ? [] : checksOf(engine);
      tried = checks.length > 0;
      if (engine !== undefined && tried) await this.#try(engine, checks, watched);
      // Before its models are known, there is nothing to try.
    } while (await loop.pause(everyMs, tried ? "time" : "change"));
  }

  /** One flight for all: what one of them says must not be taken back by the next. */
  async #try(engine: Engine, checks: readonly EngineCheck[], watched: Watched): Promise<void> {
    const { log, fleet } = this.#deps;
    const { signal } = watched.loop;
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
