/** A place in the fleet: one simulated engine after another on the same ports. @module */
import { type Clock, type Engine, seededRandom, silentLogger } from "../../lib/base/mod.ts";
import {
  noFaults,
  type SimEngine,
  type SimFaults,
  type SimOptions,
  startSimEngine,
} from "../../lib/sim/mod.ts";

/** What stands in a place. */
export interface SlotOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly seed: number;
  /** With all of its ports. */
  readonly sim: Partial<SimOptions>;
  readonly record: Engine;
}

/** Events of a place that are kept. */
const MAX_HISTORY = 400;

/** An engine that can be killed and started again. */
export class Slot implements AsyncDisposable {
  readonly name: string;
  readonly record: Engine;
  readonly #options: SlotOptions;
  readonly #patches = new Map<symbol, Partial<SimFaults>>();
  readonly #history: { readonly atMs: number; readonly what: string }[] = [];
  /** Starts and stops, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #engine: SimEngine | undefined;
  #lives = 0;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.name = options.name;
    this.record = options.record;
  }

  /** The engine, while there is one. */
  get engine(): SimEngine | undefined {
    return this.#engine;
  }

  /** Start it where it does not run. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#engine !== undefined) return;
      const { sim, clock, seed } = this.#options;
      const random = seededRandom(seed + 7_919 * this.#lives++);
      this.#engine = await startSimEngine(sim, { clock, random, log: silentLogger() });
      this.#spoil();
      this.note("started");
    });
  }

  /** Stop it at once, whatever it does. */
  kill(): Promise<void> {
    return this.#inTurn(async () => {
      const engine = this.#engine;
      this.#engine = undefined;
      if (engine === undefined) return;
      this.note("killed");
      await engine.stop();
    });
  }

  /** Have it do wrong until the returned function is called; also what starts here meanwhile. */
  spoil(patch: Partial<SimFaults>): () => void {
    const key = Symbol();
    this.#patches.set(key, patch);
    this.#spoil();
    this.note(`faults ${JSON.stringify(patch)}`);
    return () => {
      this.#patches.delete(key);
      this.#spoil();
      this.note(`no more faults ${JSON.stringify(patch)}`);
    };
  }

  /** Note an event. */
  note(what: string): void {
    this.#history.push({ atMs: this.#options.clock.now(), what });
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
  }

  /** Its events from `fromMs` to `toMs`, with times from `fromMs` on. */
  history(fromMs: number, toMs: number): readonly string[] {
    return this.#history.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
      .map(({ atMs, what }) => `${Math.round(atMs - fromMs)} ms: ${this.name} ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #spoil(): void {
    const faults = this.#engine?.faults;
    if (faults !== undefined) Object.assign(faults, noFaults(), ...this.#patches.values());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
