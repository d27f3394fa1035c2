/** The engines that live: who is there, what they have under way, and who serves. @module */
import {
  type Clock,
  describeError,
  type Engine,
  Lease,
  type Logger,
  type Random,
  sleep,
} from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";
import {
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  type FullPair,
  hasRoom,
  type Pair,
  type PairAsk,
  type PairChoice,
  type Policies,
  type Roomy,
} from "../selection/mod.ts";
import type { Asking, EngineFleet } from "./engine_fleet.ts";
import type { EngineSource, SourceChange } from "./engine_source.ts";
import type { Begun, Health } from "./health.ts";
import { type Flight, type Leg, type Outcome, type ServingLeg, takeOff } from "./flight.ts";
import { LiveEngine } from "./live_engine.ts";
import { type FetchCards, ModelWatcher } from "./model_watcher.ts";
import { Roster } from "./roster.ts";
import { PairSeats, type Seating, type SeatLimits } from "./seats.ts";
import { tellVerdict } from "./tell_verdict.ts";
import { UrlUses } from "./url_uses.ts";
import type { FleetView } from "./view.ts";

/** What happens to the engines of a fleet. */
export type FleetChange =
  | { readonly kind: "added" | "changed" | "leaving" | "removed"; readonly engine: Engine }
  /** An engine that was removed has nothing under way any more: its URL means nothing to anybody. */
  | { readonly kind: "forgotten"; readonly engine: Engine };

/** Told as things happen, e.g. to be counted. None may throw. */
export interface FleetObserver {
  /** A flight of a serving leg has begun (1) or ended (-1). */
  readonly onInflight: (engine: Engine, leg: ServingLeg, delta: number) => void;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** What a fleet is made of. */
export interface FleetOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  readonly policies: Policies;
  readonly fetchCards: FetchCards;
  readonly observer: FleetObserver;
  /**
   * Engines at once; more are refused, with a line in the log.
   * @default {65536}
   */
  readonly maxEngines?: number;
  /**
   * Requests that engines get at a time.
   * @default {UNBOUNDED}
   */
  readonly seats?: SeatLimits;
}

/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;

const MAX_ENGINES = 65_536;

/** Legs whose failure has the engine asked at once whether it is still there. */
const ASKS_AFTER: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct", "tokenize"]);

/** All engines of one router. */
export class Fleet implements EngineFleet, Seating, AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #watchers = new Map<string, ModelWatcher>();
  /** How many present engines and flights there are of each URL. */
  readonly #uses = new UrlUses();
  readonly #listeners = new Set<(change: FleetChange) => void>();
  readonly #roomWatchers = new Set<(engine?: Engine) => void>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #healthWatch: Disposable | undefined;
  #inflight = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#healthWatch = options.health.watch?.((id) => this.#judge(id));
  }

  /** Requests that engines work on. */
  get inflight(): number {
    return this.#inflight;
  }

  /** What is taken of the engines that are there: seats, and bytes of their KV buffers. */
  get seated(): { readonly seats: number; readonly kvBytes: number } {
    let [seats, kvBytes] = [0, 0];
    for (const { load } of this.#roster.view.entries) {
      seats += load?.seats ?? 0;
      kvBytes += load?.kvBytes ?? 0;
    }
    return { seats, kvBytes };
  }

  snapshot(): FleetView {
    return this.#roster.view;
  }

  hasSeen(model: string): boolean {
    return this.#roster.hasSeen(model);
  }

  choosePair(ask: Asking<PairAsk> & Roomy): PairChoice | FullPair;
  choosePair(ask: Asking<PairAsk>): PairChoice;
  choosePair(ask: Asking<PairAsk>): PairChoice | FullPair {
    const { health, policies } = this.#options;
    const view = this.snapshot();
    return choosePair(view.group(ask.model), policies, {
      ...ask,
      universe: view.engines,
      pairVerdict: (prefill, decode) => health.pair(prefill.id, decode.id),
    });
  }

  chooseDirect(ask: Asking<ChoiceAsk> & Partial<Roomy>): Engine | undefined {
    const view = this.snapshot();
    return chooseDirect(view.group(ask.model), this.#options.policies, {
      ...ask,
      universe: view.engines,
    });
  }

  take(engine: Engine, leg: Leg, peer?: Engine, seat?: Lease): Flight {
    const held = seat?.move();
    this.#uses.begin(engine.url);
    const serving = isServing(leg) ? leg : undefined;
    // The very engine it is taken of: one that comes under its id later has its own count.
    const live = this.#roster.of(engine);
    if (serving !== undefined) this.#count(live, engine, serving, 1);
    const begun = { engine, leg, peer };
    this.#begin(live, begun);
    return takeOff({
      clock: this.#options.clock,
      engine,
      leg,
      peer,
      onHead: (status, ms) => {
        if (status < 300) this.#options.health.answering?.(begun, ms);
      },
      onLanded: (outcome) => {
        if (serving !== undefined) this.#count(live, engine, serving, -1);
        this.#landed(outcome);
        // Whoever waits for the seat sees what health has learnt.
        held?.release();
        this.#endUse(engine);
      },
    });
  }

  seatPair({ prefill, decode }: Pair, tokens: number): PairSeats {
    const kv = tokens === 0 ? undefined : this.#roster.of(decode)?.load.takeKv(tokens);
    return new PairSeats(this.seat(prefill), this.seat(decode), kv);
  }

  hasSeat(engine: Engine): boolean {
    return hasRoom(this.#roster.of(engine)?.load, 0);
  }

  seat(engine: Engine): Lease {
    return this.#roster.of(engine)?.load.take() ?? new Lease(() => {});
  }

  watchRoom(on: (engine?: Engine) => void): Disposable {
    this.#roomWatchers.add(on);
    const changes = this.watch(() => on());
    return {
      [Symbol.dispose]: () => {
        this.#roomWatchers.delete(on);
        changes[Symbol.dispose]();
      },
    };
  }

  /** Have `on` told of every change from here on; it must not throw. */
  watch(on: (change: FleetChange) => void): Disposable {
    this.#listeners.add(on);
    return { [Symbol.dispose]: () => void this.#listeners.delete(on) };
  }

  /**
   * Take engines from `source` until the fleet is disposed. Resolves when those it began with have
   * been asked for their models once, whatever came of it, and after `FIRST_ROUND_MS` at the latest.
   */
  follow(source: EngineSource): Promise<void> {
    const synced = Promise.withResolvers<void>();
    const running = this.#follow(source, synced.resolve).finally(() => {
      this.#running.delete(running);
      synced.resolve();
    });
    this.#running.add(running);
    const ended = new AbortController();
    const all = synced.promise
      .then(() => Promise.all([...this.#watchers.values()].map(({ asked }) => asked)))
      .then(() => ended.abort());
    const late = sleep(this.#options.clock, FIRST_ROUND_MS, ended.signal);
    return Promise.race([all, late]).then(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#healthWatch?.[Symbol.dispose]();
    const watchers = [...this.#watchers.values()].map((watcher) => watcher[Symbol.asyncDispose]());
    await Promise.all([...watchers, ...this.#running]);
  }

  async #follow(source: EngineSource, onSynced: () => void): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const change of source.changes(signal)) {
        if (signal.aborted) return;
        if (change.kind === "synced") onSynced();
        else this.#apply(change);
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#options.log.error("Engines are not followed any more: their source has failed", () => ({
        error: describeError(error),
      }));
    }
  }

  #apply(change: Exclude<SourceChange, { readonly kind: "synced" }>): void {
    switch (change.kind) {
      case "upsert":
        return this.#upsert(change.engine);
      case "leaving":
        return this.#leave(change.id);
      case "remove":
        return this.#remove(change.id);
      default:
        return change satisfies never;
    }
  }

  #upsert(engine: Engine): void {
    const known = this.#roster.of(engine);
    if (known !== undefined) return this.#configure(known, engine);
    this.#remove(engine.id);
    const { clock, log, maxEngines = MAX_ENGINES } = this.#options;
    if (this.#roster.size >= maxEngines) {
      const reason = `${maxEngines} are there`;
      log.error("Engine left out: too many", { url: engine.url, reason });
      return;
    }
    const { seats } = this.#options;
    const live: LiveEngine = new LiveEngine(
      engine,
      Math.floor(clock.unixMs() / 1000),
      seats,
      () => {
        this.#tellRoom(live.engine);
      },
    );
    this.#roster.add(live);
    this.#uses.begin(engine.url);
    this.#options.health.know?.(engine);
    this.#judge(engine.id);
    this.#tell({ kind: "added", engine: live.engine });
    this.#watchers.set(engine.id, this.#watcherOf(live));
  }

  #configure(live: LiveEngine, engine: Engine): void {
    // Sources may tell again what they have told; it would have every engine asked at once.
    if (!live.leaving && live.isConfigured(engine)) return;
    live.leaving = false;
    live.configure(engine);
    this.#options.health.know?.(engine);
    this.#judge(engine.id);
    this.#roster.renew(live);
    this.#tell({ kind: "changed", engine: live.engine });
    this.#watchers.get(engine.id)?.askAnew();
  }

  #leave(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined || live.leaving) return;
    live.leaving = true;
    this.#judge(id);
    this.#roster.renew(live);
    this.#tell({ kind: "leaving", engine: live.engine });
  }

  #remove(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined) return;
    this.#roster.delete(live);
    const watcher = this.#watchers.get(id);
    this.#watchers.delete(id);
    if (watcher !== undefined) this.#run(watcher[Symbol.asyncDispose]());
    const { health, policies } = this.#options;
    health.forget(id);
    for (const policy of Object.values(policies)) policy.forget?.(id);
    this.#tell({ kind: "removed", engine: live.engine });
    this.#endUse(live.engine);
  }

  #run(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #watcherOf(live: LiveEngine): ModelWatcher {
    const { clock, random, log, fetchCards } = this.#options;
    return new ModelWatcher({
      clock,
      random,
      log,
      fetchCards,
      engine: () => live.configured,
      take: () => this.take(live.engine, "models"),
      onCards: (cards) => this.#learn(live, cards),
    });
  }

  #learn(live: LiveEngine, cards: readonly ModelCard[]): void {
    live.learn(cards);
    this.#roster.renew(live);
    this.#tell({ kind: "changed", engine: live.engine });
  }

  #landed(outcome: Outcome): void {
    const { health, observer } = this.#options;
    observer.onOutcome(outcome);
    const { engine, peer, leg, end, code } = outcome;
    if (this.#roster.of(engine) === undefined) return;
    health.report(outcome);
    this.#judge(engine.id);
    if (end !== "failed" || !ASKS_AFTER.has(leg)) return;
    this.#watchers.get(engine.id)?.askSoon();
    // Either engine may be the reason that KV does not come.
    if (code === "kv-timeout" && peer !== undefined) this.#watchers.get(peer.id)?.askSoon();
  }

  #begin(live: LiveEngine | undefined, begun: Begun): void {
    const { health } = this.#options;
    if (live === undefined || health.began === undefined) return;
    health.began(begun);
    if (live.verdict.kind === "probation") this.#judge(begun.engine.id);
  }

  #judge(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined) return;
    const was = live.verdict;
    live.verdict = live.leaving ? { kind: "leaving" } : this.#options.health.engine(id);
    tellVerdict(this.#options.log, live.engine, was, live.verdict);
    if (live.verdict.kind !== was.kind) this.#tellRoom(live.engine);
  }

  #count(live: LiveEngine | undefined, engine: Engine, leg: ServingLeg, delta: number): void {
    this.#inflight += delta;
    if (live !== undefined) live.inflight += delta;
    this.#options.observer.onInflight(engine, leg, delta);
  }

  /** What is there of a URL is one less; without any, it is forgotten. */
  #endUse(engine: Engine): void {
    if (this.#uses.end(engine.url)) this.#tell({ kind: "forgotten", engine });
  }

  #tellRoom(engine: Engine): void {
    for (const watcher of this.#roomWatchers) watcher(engine);
  }

  #tell(change: FleetChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isServing(leg: Leg): leg is ServingLeg {
  return leg === "prefill" || leg === "decode" || leg === "direct";
}
