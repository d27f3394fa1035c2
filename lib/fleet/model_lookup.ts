/** Models that nobody serves, looked for at the engines before they are refused. @module */
import { type AbortWatch, type Clock, signalOf, sleep } from "../base/mod.ts";
import type { FleetView } from "./view.ts";

/** What a lookup works with. */
export interface ModelLookupDeps {
  readonly clock: Clock;
  readonly fleet: {
    snapshot(): FleetView;
    /** Ask every engine for its models; resolves when that has been done. */
    ask(): Promise<void>;
  };
}

/** From the beginning of one round to the next, in milliseconds, and how much more for each engine. */
const ROUND_MS = 1_000;
const ROUND_MS_PER_ENGINE = 2;

/** Longest wait for a round, in milliseconds: for its turn, and for the engines' answers. */
const WAIT_MS = 2_000;

/** How long a name that no engine knew is not asked for again, in milliseconds. */
const NAME_MS = 2_000;

/** Names that are remembered for that. */
const MAX_NAMES = 1_024;

/** Requests that wait at a time. */
const MAX_WAITING = 256;

/**
 * Asks the engines, all at once and for all who wait, whether what they serve is other than it was: an
 * adapter may have been loaded. Whoever makes names up has one round a second at most.
 */
export class ModelLookup implements Disposable {
  readonly #deps: ModelLookupDeps;
  /** When each name was asked for and in which round, the longest ago first. */
  readonly #names = new Map<string, { readonly askedMs: number; readonly round: Promise<void> }>();
  readonly #stop = new AbortController();
  #waiting = 0;
  /** The round that has not begun, which others can still join. */
  #next: Promise<void> | undefined;
  #beganMs = -Infinity;

  constructor(deps: ModelLookupDeps) {
    this.#deps = deps;
  }

  /** Look for `model`; resolves when the engines have been asked, and at once where they are not. */
  async look(model: string, signal: AbortWatch): Promise<void> {
    if (this.#waiting >= MAX_WAITING || this.#stop.signal.aborted) return;
    this.#waiting++;
    const ended = new AbortController();
    const signals = AbortSignal.any([signalOf(signal), ended.signal, this.#stop.signal]);
    try {
      await Promise.race([this.#roundFor(model), sleep(this.#deps.clock, WAIT_MS, signals)]);
    } finally {
      ended.abort();
      this.#waiting--;
    }
  }

  /** Whoever waits goes on. */
  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  /** The round in which `model` was asked for of late, or the next. */
  #roundFor(model: string): Promise<void> {
    const askedMs = this.#deps.clock.now();
    const known = this.#names.get(model);
    if (known !== undefined && askedMs - known.askedMs < NAME_MS) return known.round;
    const round = this.#next ??= this.#round();
    this.#names.delete(model);
    this.#names.set(model, { askedMs, round });
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_NAMES && oldest !== undefined) this.#names.delete(oldest);
    return round;
  }

  async #round(): Promise<void> {
    const { clock, fleet } = this.#deps;
    const { length } = fleet.snapshot().engines;
    const everyMs = Math.max(ROUND_MS, length * ROUND_MS_PER_ENGINE);
    // At once, those of this very moment still join it.
    await Promise.resolve();
    const waitMs = this.#beganMs + everyMs - clock.now();
    if (waitMs > 0) await sleep(clock, waitMs, this.#stop.signal);
    this.#next = undefined;
    this.#beganMs = clock.now();
    if (!this.#stop.signal.aborted) await fleet.ask();
  }
}
