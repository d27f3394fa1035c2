/** The engines that live: who is there, what they have under way, and who serves. @module */
import {
  type Clock,
  describeError,
  type Engine,
  type Logger,
  type Random,
  sleep,
} from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";
import {
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  type PairAsk,
  type PairChoice,
  type Policies,
} from "../selection/mod.ts";
import type { EngineSource, SourceChange } from "./engine_source.ts";
import type { Begun, Health } from "./health.ts";
import { type Flight, type Leg, type Outcome, type ServingLeg, takeOff } from "./flight.ts";
import { LiveEngine } from "./live_engine.ts";
import { type FetchCards, ModelWatcher } from "./model_watcher.ts";
import { OverdueWatch } from "./overdue.ts";
import { Roster } from "./roster.ts";
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
  /** When and how engines are found out that show no sign of life; without it, none is. */
  readonly frozen?: FrozenOptions;
  readonly observer: FleetObserver;
  /**
   * Engines at once; more are refused, with a line in the log.
   * @default {65536}
   */
  readonly maxEngines?: number;
}

/** How engines are dealt with whose requests are overdue. */
export interface FrozenOptions {
  /** Silence of less than this is no reason to ask, in milliseconds. */
  readonly afterMs: number;
  /** The engine has not answered: end what waits for its answers to begin. */
  readonly giveUp: (engine: Engine) => void;
}

/** What is asked of a choice; the fleet adds who is there. */
export type Asking<Ask extends ChoiceAsk> = Omit<Ask, "universe" | "pairVerdict">;

/** What flows use of a fleet. */
export interface EngineFleet {
  /** The engines at this moment. */
  snapshot(): FleetView;
  /** Whether any engine has ever served `model`: tells what is gone from what never was. */
  hasSeen(model: string): boolean;
  /** Choose the two engines of a handoff. */
  choosePair(ask: Asking<PairAsk>): PairChoice;
  /** Choose one engine for a whole request. */
  chooseDirect(ask: Asking<ChoiceAsk>): Engine | undefined;
  /** Begin an exchange with `engine`, in a handoff with its `peer`; its outcome must be said. */
  take(engine: Engine, leg: Leg, peer?: Engine): Flight;
}

/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;

const MAX_ENGINES = 65_536;

/** Legs whose failure has the engine asked at once whether it is still there. */
const ASKS_AFTER: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct", "tokenize", "check"]);

/** All engines of one router. */
export class Fleet implements EngineFleet, AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #watchers = new Map<string, ModelWatcher>();
  /** How many present engines and flights there are of each URL. */
  readonly #uses = new UrlUses();
  readonly #listeners = new Set<(change: FleetChange) => void>();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #healthWatch: Disposable | undefined;
  readonly #overdue: OverdueWatch | undefined;
  #inflight = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#overdue = options.frozen && new OverdueWatch({
      clock: options.clock,
      floorMs: options.frozen.afterMs,
      onOverdue: (id) => this.#watchers.get(id)?.askUrgently(),
    });
    this.#healthWatch = options.health.watch?.((id) => this.#judge(id));
  }

  /** Requests that engines work on. */
  get inflight(): number {
    return this.#inflight;
  }

  snapshot(): FleetView {
    return this.#roster.view;
  }

  hasSeen(model: string): boolean {
    return this.#roster.hasSeen(model);
  }

  choosePair(ask: Asking<PairAsk>): PairChoice {
    const { health, policies } = this.#options;
    const view = this.snapshot();
    return choosePair(view.group(ask.model), policies, {
      ...ask,
      universe: view.engines,
      pairVerdict: (prefill, decode) => health.pair(prefill.id, decode.id),
    });
  }

  chooseDirect(ask: Asking<ChoiceAsk>): Engine | undefined {
    const view = this.snapshot();
    return chooseDirect(view.group(ask.model), this.#options.policies, {
      ...ask,
      universe: view.engines,
    });
  }

  take(engine: Engine, leg: Leg, peer?: Engine): Flight {
    this.#uses.begin(engine.url);
    const serving = isServing(leg) ? leg : undefined;
    // The very engine it is taken of: one that comes under its id later has its own count.
    const live = this.#roster.of(engine);
    if (serving !== undefined) this.#count(live, engine, serving, 1);
    const begun = { engine, leg, peer };
    this.#begin(live, begun);
    const awaited = live === undefined || leg === "models"
      ? undefined
      : this.#overdue?.began(engine.id, leg);
    return takeOff({
      clock: this.#options.clock,
      engine,
      leg,
      peer,
      onHead: (status, ms) => {
        if (awaited !== undefined) this.#overdue?.answered(engine.id, awaited);
        if (status < 300) this.#options.health.answering?.(begun, ms);
      },
      onLanded: (outcome) => {
        if (awaited !== undefined) this.#overdue?.ended(engine.id, awaited);
        if (serving !== undefined) this.#count(live, engine, serving, -1);
        this.#landed(outcome);
        this.#endUse(engine);
      },
    });
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
    this.#overdue?.[Symbol.dispose]();
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
    const live = new LiveEngine(engine, Math.floor(clock.unixMs() / 1000));
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
    this.#overdue?.forget(id);
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
    if (leg === "models" && end === "failed") this.#giveUp(engine);
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

  /** What is overdue of an engine that does not answer is not waited for any longer. */
  #giveUp(engine: Engine): void {
    if (this.#overdue?.isOverdue(engine.id) !== true) return;
    const { log, frozen } = this.#options;
    log.warning("Engine shows no sign of life: its requests are taken elsewhere", {
      url: engine.url,
    });
    frozen?.giveUp(engine);
  }

  #judge(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined) return;
    const was = live.verdict;
    live.verdict = live.leaving ? { kind: "leaving" } : this.#options.health.engine(id);
    tellVerdict(this.#options.log, live.engine, was, live.verdict);
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

  #tell(change: FleetChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function isServing(leg: Leg): leg is ServingLeg {
  return leg === "prefill" || leg === "decode" || leg === "direct";
}
