/** How far engines are in their lives, and which of them are starting. @module */
import { type Clock, type Engine, Lease, type Logger, type Timer } from "../base/mod.ts";
import { type Sieve, SlowStart } from "../selection/mod.ts";
import type { LiveEngine } from "./live_engine.ts";

/** All states, in the order in which engines have them. */
export const ENGINE_STATES = ["joining", "slow_start", "ready", "draining", "gone"] as const;

/**
 * `joining`: it has not told its models yet, and gets requests only where these are configured;
 * `slow_start`: its share of requests grows; `draining`: it ends what it has; `gone`: its source has it
 * no more, and something is still under way on it.
 */
export type EngineState = (typeof ENGINE_STATES)[number];

/** What lives are followed with. */
export interface LivesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** From an engine's coming until it has all of its share, in milliseconds; 0: at once. */
  readonly slowStartMs: number;
}

interface Life {
  state: EngineState;
  answered: boolean;
  /** Runs when it has started. */
  timer: Timer | undefined;
}

/** What the log says of each change that nothing else tells of. */
const WORDS: Readonly<Partial<Record<EngineState, string>>> = {
  slow_start: "Engine starts slowly",
  draining: "Engine drains: it gets nothing more",
};

/** Of the engines of one fleet, which tells of what happens to them. */
export class EngineLives implements Disposable {
  readonly #deps: LivesDeps;
  readonly #slow: SlowStart;
  readonly #lives = new Map<LiveEngine, Life>();
  /** By URL: removed, with something under way. */
  readonly #gone = new Map<string, Engine>();
  /** Sources whose first engines are not all known: those serve already, whenever the router came. */
  #rounds = 0;

  constructor(deps: LivesDeps) {
    this.#deps = deps;
    this.#slow = new SlowStart(deps.slowStartMs);
  }

  /** What keeps engines out of choices at this moment; undefined while nobody starts. */
  get sieve(): Sieve | undefined {
    return this.#slow.size === 0 ? undefined : this.#slow.at(this.#deps.clock.now());
  }

  /** Those that have gone while something of theirs is still under way. */
  get gone(): Iterable<Engine> {
    return this.#gone.values();
  }

  /** How far `live` is, and what it gets of its share where it is starting: 0 to 1. */
  of(live: LiveEngine): { readonly state: EngineState; readonly share?: number } {
    const state = this.#stateOf(live);
    if (state !== "slow_start") return { state };
    return { state, share: this.#slow.shareOf(live.engine.id, this.#deps.clock.now()) };
  }

  /** Engines that answer before what is returned is released were there before the router was. */
  beginRound(): Lease {
    this.#rounds++;
    return new Lease(() => void this.#rounds--);
  }

  /** It is in the fleet from here on. */
  came(live: LiveEngine): void {
    const { url } = live.engine;
    this.#gone.delete(url);
    this.#lives.set(live, { state: "joining", answered: false, timer: undefined });
    this.#deps.log.debug("Engine joins", { url, role: live.engine.role });
    // It gets requests at once.
    if (live.configured.models.length > 0 && this.#rounds === 0) this.#start(live);
  }

  /** It has answered the question for its models. */
  answered(live: LiveEngine): void {
    const life = this.#lives.get(live);
    if (life === undefined || life.answered) return;
    life.answered = true;
    if (life.timer === undefined && this.#rounds === 0) this.#start(live);
    this.noted(live);
  }

  /** It serves again after it was gone around, or has slept. */
  returned(live: LiveEngine): void {
    this.#start(live);
    this.noted(live);
  }

  /** It may have another state than before. */
  noted(live: LiveEngine): void {
    const life = this.#lives.get(live);
    const state = this.#stateOf(live);
    if (life === undefined || life.state === state) return;
    const was = life.state;
    life.state = state;
    const { url, role } = live.engine;
    const words = WORDS[state] ??
      (was === "slow_start" ? "Engine has all of its share" : undefined);
    if (words === undefined) this.#deps.log.debug("Engine is ready", { url, role });
    else this.#deps.log.info(words, { url, role });
  }

  /** Its source has it no more; with `underWay`, something of it is. */
  left(live: LiveEngine, underWay: boolean): void {
    const { url, role, id } = live.engine;
    this.#lives.get(live)?.timer?.cancel();
    this.#lives.delete(live);
    this.#slow.end(id);
    if (underWay) this.#gone.set(url, live.engine);
    this.#deps.log.info("Engine has gone", { url, role });
  }

  /** Nothing is under way on the engines of `url` any more, and there is none. */
  forgotten(url: string): void {
    this.#gone.delete(url);
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#lives.values()) timer?.cancel();
    this.#lives.clear();
    this.#gone.clear();
  }

  #start(live: LiveEngine): void {
    const life = this.#lives.get(live);
    const { clock, slowStartMs } = this.#deps;
    if (life === undefined || !this.#slow.begin(live.engine.id, clock.now())) return;
    life.timer?.cancel();
    life.timer = clock.after(slowStartMs, () => {
      life.timer = undefined;
      this.#slow.end(live.engine.id);
      this.noted(live);
    });
  }

  #stateOf(live: LiveEngine): EngineState {
    const life = this.#lives.get(live);
    if (life === undefined) return "gone";
    if (live.leaving) return "draining";
    if (!life.answered) return "joining";
    return life.timer === undefined ? "ready" : "slow_start";
  }
}
