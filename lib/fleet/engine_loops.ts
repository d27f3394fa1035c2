/** Work that goes on for each engine of a fleet, from when it comes until it goes. @module */
import { type Clock, sleep } from "../base/mod.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetChange } from "./fleet_options.ts";

/** What loops are made of. */
export interface EngineLoopsDeps {
  readonly clock: Clock;
  readonly fleet: Pick<Fleet, "snapshot" | "watch">;
  /** Works for one engine until its loop ends; must not reject. */
  readonly run: (loop: EngineLoop) => Promise<void>;
  /**
   * Until when: an engine that leaves still has work to end.
   * @default "removed"
   */
  readonly until?: "leaving" | "removed";
}

/** The work for one engine. */
export class EngineLoop {
  readonly id: string;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #pause: { readonly abort: AbortController; readonly forChange: boolean } | undefined;

  constructor(id: string, clock: Clock) {
    this.id = id;
    this.#clock = clock;
  }

  /** Aborts when the work ends. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Resolves after `ms` milliseconds, or for a `change` as soon as its engine has changed.
   * False when the work has ended.
   */
  async pause(ms: number, until: "time" | "change" = "time"): Promise<boolean> {
    if (this.signal.aborted) return false;
    const abort = new AbortController();
    this.#pause = { abort, forChange: until === "change" };
    await sleep(this.#clock, ms, abort.signal);
    this.#pause = undefined;
    return !this.signal.aborted;
  }

  /** The engine has changed. */
  changed(): void {
    if (this.#pause?.forChange === true) this.#pause.abort.abort();
  }

  end(): void {
    this.#stop.abort();
    this.#pause?.abort.abort();
  }
}

/** One loop for each engine that is there, until they are disposed. */
export class EngineLoops implements AsyncDisposable {
  readonly #deps: EngineLoopsDeps;
  readonly #loops = new Map<string, EngineLoop>();
  readonly #running = new Set<Promise<void>>();
  readonly #watch: Disposable;

  constructor(deps: EngineLoopsDeps) {
    this.#deps = deps;
    this.#watch = deps.fleet.watch((change) => this.#follow(change));
    for (const { id } of deps.fleet.snapshot().engines) this.#begin(id);
  }

  /** Engines that are worked for. */
  get size(): number {
    return this.#loops.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch[Symbol.dispose]();
    for (const id of [...this.#loops.keys()]) this.#end(id);
    await Promise.all(this.#running);
  }

  #follow({ kind, engine: { id } }: FleetChange): void {
    switch (kind) {
      case "added":
        return this.#begin(id);
      case "changed":
        // One that was leaving can be there to stay again.
        if (!this.#loops.has(id)) return this.#begin(id);
        return this.#loops.get(id)?.changed();
      case "leaving":
        return this.#deps.until === "leaving" ? this.#end(id) : undefined;
      case "removed":
        return this.#end(id);
      case "forgotten":
        return;
      default:
        return kind satisfies never;
    }
  }

  #begin(id: string): void {
    const { clock, run } = this.#deps;
    const loop = new EngineLoop(id, clock);
    this.#loops.set(id, loop);
    // Whoever makes the loops may not be made itself yet, where engines are there already.
    const begun = Promise.resolve().then(() => loop.signal.aborted ? undefined : run(loop));
    const running = begun.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #end(id: string): void {
    this.#loops.get(id)?.end();
    this.#loops.delete(id);
  }
}
