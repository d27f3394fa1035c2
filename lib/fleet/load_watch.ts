/** Has every engine's load read from its metrics at intervals, as long as it is there. @module */
import { type Clock, describeError, type Engine, type Logger, type Random } from "../base/mod.ts";
import { type EngineLoop, EngineLoops } from "./engine_loops.ts";
import type { EngineReading } from "./engine_series.ts";
import type { Fleet } from "./fleet.ts";
import { Turns } from "./turns.ts";

/**
 * Reads what an engine says of its load; undefined where it says nothing of it. Rejects when it gives no
 * answer. Health does not see it: an engine whose metrics fail may serve as well as ever.
 */
export type ReadLoad = (
  engine: Engine,
  signal: AbortSignal,
) => Promise<EngineReading | undefined>;

/** How a reading ended, as a metric label. */
export type ReadingResult = "read" | "none" | "failed";

/** What watching works with. */
export interface LoadWatchDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly fleet: Pick<Fleet, "snapshot" | "watch" | "live">;
  /** Between two readings of an engine, about, in milliseconds. */
  readonly everyMs: number;
  readonly read: ReadLoad;
  /** Told of each reading that has ended; it must not throw. */
  readonly onReading?: (engine: Engine, result: ReadingResult) => void;
}

/** Most readings at once: those of engines that do not answer must not keep the others waiting. */
const MAX_READING = 64;

/** For how many intervals a reading holds while none follows it. */
const HOLDS_INTERVALS = 3;

/** From an engine's coming to its first reading, at the least: it is asked for its models before. */
const FIRST_MS = 1_000;

/** The first readings of many engines are spread by as much for each, up to a whole interval. */
const SPREAD_MS = 50;

/** An interval is longer or shorter by up to so much of it, so that engines do not fall into step. */
const JITTER = 0.05;

/** The readings of one engine. */
interface Watched {
  readonly loop: EngineLoop;
  failing: boolean;
}

/** Watches until it is disposed. */
export class LoadWatch implements AsyncDisposable {
  readonly #deps: LoadWatchDeps;
  readonly #turns = new Turns(MAX_READING);
  readonly #loops: EngineLoops;

  constructor(deps: LoadWatchDeps) {
    this.#deps = deps;
    const { clock, fleet } = deps;
    this.#loops = new EngineLoops({ clock, fleet, run: (loop) => this.#run(loop) });
  }

  /** Engines that are watched. */
  get size(): number {
    return this.#loops.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loops[Symbol.asyncDispose]();
  }

  async #run(loop: EngineLoop): Promise<void> {
    const { clock, random, everyMs } = this.#deps;
    const watched: Watched = { loop, failing: false };
    const spreadMs = Math.min(everyMs, SPREAD_MS * this.size);
    let dueMs = clock.now() + FIRST_MS + random.next() * spreadMs;
    while (await loop.pause(dueMs - clock.now())) {
      await this.#readInTurn(watched);
      const now = clock.now();
      // From one beginning to the next; what took longer than an interval is not made up for.
      dueMs = Math.max(now, dueMs + everyMs * (1 - JITTER + 2 * JITTER * random.next()));
    }
  }

  async #readInTurn(watched: Watched): Promise<void> {
    const { id, signal } = watched.loop;
    using turn = await this.#turns.take(signal);
    const engine = turn && this.#deps.fleet.snapshot().find(id);
    if (engine === undefined || signal.aborted) return;
    const result = await this.#read(engine, watched);
    if (!signal.aborted) this.#deps.onReading?.(engine, result);
  }

  async #read(engine: Engine, watched: Watched): Promise<ReadingResult> {
    const { clock, fleet, log, read } = this.#deps;
    const { signal } = watched.loop;
    const { url } = engine;
    try {
      const reading = await read(engine, signal);
      if (signal.aborted) return "failed";
      // Without a word of its load, what it has said before means nothing either.
      fleet.live(engine)?.noteLoad(reading, clock.now());
      if (watched.failing) log.debug("Engine's load can be read again", { url });
      watched.failing = false;
      return reading === undefined ? "none" : "read";
    } catch (error) {
      if (signal.aborted) return "failed";
      this.#expire(engine);
      if (!watched.failing) {
        log.debug("Cannot read an engine's load", () => ({ url, error: describeError(error) }));
      }
      watched.failing = true;
      return "failed";
    }
  }

  /** What was read too long ago is not known any more. */
  #expire(engine: Engine): void {
    const { clock, fleet, everyMs } = this.#deps;
    const live = fleet.live(engine);
    if (live?.stats === undefined) return;
    const now = clock.now();
    if (now - live.stats.readMs >= HOLDS_INTERVALS * everyMs) live.noteLoad(undefined, now);
  }
}
