/** The engines that live: who is there, what they have under way, and who serves. @module */
import { type Engine, type ErrorCode, type Lease, type Side, sleep } from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";
import {
  type ChoiceAsk,
  chooseDirect,
  choosePair,
  type FullPair,
  GOOD,
  hasRoom,
  type Pair,
  type PairAsk,
  type PairChoice,
  type Roomy,
  type Verdict,
} from "../selection/mod.ts";
import type { Asking, EngineFleet } from "./engine_fleet.ts";
import type { EngineSource } from "./engine_source.ts";
import type { FleetChange, FleetOptions } from "./fleet_options.ts";
import {
  type Flight,
  type FlightSubject,
  isServing,
  type Leg,
  type Outcome,
  type ServingLeg,
  takeOff,
} from "./flight.ts";
import type { Begun, DoubtedPair } from "./health.ts";
import { Judge } from "./judge.ts";
import { Listeners } from "./listeners.ts";
import { LiveEngine } from "./live_engine.ts";
import { ModelWatcher } from "./model_watcher.ts";
import { OverdueWatch } from "./overdue.ts";
import { type EngineChange, readSource } from "./read_source.ts";
import { Roster } from "./roster.ts";
import { isGivenUp } from "./patience.ts";
import { place } from "./place.ts";
import { PairSeats, type Seated, seatedIn, type Seating, seatOf } from "./seats.ts";
import { UrlUses } from "./url_uses.ts";
import type { FleetView } from "./view.ts";
import { Watchers } from "./watchers.ts";

/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;

const MAX_ENGINES = 65_536;

/** Legs whose failure has the engine asked at once whether it is still there. */
const ASKS_AFTER: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct", "tokenize", "check"]);

/** All engines of one router. */
export class Fleet implements EngineFleet, Seating, AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #roster = new Roster();
  readonly #watchers = new Watchers();
  /** How many present engines and flights there are of each URL. */
  readonly #uses = new UrlUses();
  readonly #listeners = new Listeners();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #healthWatch: Disposable | undefined;
  readonly #overdue: OverdueWatch | undefined;
  readonly #judge: Judge;
  #inflight = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { health, log, observer } = options;
    this.#judge = new Judge({
      health,
      log,
      observer,
      roster: this.#roster,
      listeners: this.#listeners,
    });
    this.#overdue = options.frozen && new OverdueWatch({
      clock: options.clock,
      floorMs: options.frozen.afterMs,
      onOverdue: (id) => this.#watchers.get(id)?.askUrgently(),
    });
    this.#healthWatch = health.watch?.((id) => this.#judge.judge(id));
  }

  /** Requests that engines work on. */
  get inflight(): number {
    return this.#inflight;
  }

  /** What is taken of the engines that are there: seats, and bytes of their KV buffers. */
  get seated(): Seated {
    return seatedIn(this.#roster.view.entries);
  }

  snapshot(): FleetView {
    return this.#roster.view;
  }

  /** Every engine that is there, as it is at this moment; those that leave too. */
  get all(): Iterable<LiveEngine> {
    return this.#roster.all;
  }

  /** The engine that `engine` is a record of, as long as it is there. */
  live(engine: Engine): LiveEngine | undefined {
    return this.#roster.of(engine);
  }

  verdict(engine: Engine): Verdict {
    return this.#roster.of(engine)?.verdict ?? GOOD;
  }

  doubtedPairs(): readonly DoubtedPair[] {
    return this.#options.health.doubtedPairs?.() ?? [];
  }

  hasSeen(model: string): boolean {
    return this.#roster.hasSeen(model);
  }

  choosePair(ask: Asking<PairAsk> & Roomy): PairChoice | FullPair;
  choosePair(ask: Asking<PairAsk>): PairChoice;
  choosePair(ask: Asking<PairAsk> & Partial<Roomy>): PairChoice | FullPair {
    const { health, policies } = this.#options;
    const view = this.snapshot();
    const choice = choosePair(view.group(ask.model), policies, {
      ...ask,
      universe: view.engines,
      pairVerdict: (prefill, decode) => health.pair(prefill.id, decode.id),
    });
    // Where room is looked at, a request goes to the pair only when its seats are taken.
    if (choice.kind === "pair" && choice.trial && ask.tokens === undefined) {
      health.chose?.(choice.pair.prefill, choice.pair.decode);
    }
    return choice;
  }

  chooseDirect(ask: Asking<ChoiceAsk> & Partial<Roomy>): Engine | undefined {
    const view = this.snapshot();
    return chooseDirect(view.group(ask.model), this.#options.policies, {
      ...ask,
      universe: view.engines,
    });
  }

  take(engine: Engine, leg: Leg, peer?: Engine, seat?: Lease, about: FlightSubject = {}): Flight {
    const { prompt, model } = about;
    const held = seat?.move();
    this.#uses.begin(engine.url);
    const serving = isServing(leg) ? leg : undefined;
    // The very engine it is taken of: one that comes under its id later has its own count.
    const live = this.#roster.of(engine);
    if (serving !== undefined) this.#count(live, engine, serving, 1);
    const owed = prompt && live?.owe(place(this.#options.policies, { engine, leg, peer, prompt }));
    const { clock, observer } = this.#options;
    const begun: Begun = { engine, leg, peer, beganMs: clock.now() };
    this.#judge.began(live, begun);
    const awaited = live === undefined || leg === "models"
      ? undefined
      : this.#overdue?.began(engine.id, leg);
    return takeOff({
      clock,
      engine,
      leg,
      peer,
      model,
      onFirst: () => {
        if (serving !== undefined) observer.onFirst?.(engine, serving);
      },
      onHead: (status) => {
        owed?.release();
        if (awaited !== undefined) this.#overdue?.answered(engine.id, awaited);
        if (status < 300) this.#judge.answering(begun);
      },
      onLanded: (outcome, root) => {
        if (awaited !== undefined) this.#overdue?.ended(engine.id, awaited);
        if (serving !== undefined) this.#count(live, engine, serving, -1);
        owed?.release();
        this.#landed(outcome, begun, root);
        // Whoever waits for the seat sees what health has learnt.
        held?.release();
        this.#endUse(engine);
      },
    });
  }

  seatPair({ prefill, decode }: Pair, tokens: number): PairSeats {
    const [first, second] = [this.#roster.of(prefill), this.#roster.of(decode)];
    const kv = tokens === 0 ? undefined : second?.load.takeKv(tokens);
    const seats = new PairSeats(
      seatOf(first?.load),
      seatOf(second?.load),
      kv,
      first?.load.takeTransfer(),
    );
    // Whoever waits is offered what is left as soon as a verdict is another one: not before all is taken.
    this.#options.health.chose?.(prefill, decode);
    for (const live of [first, second]) this.#judge.seated(live);
    return seats;
  }

  hasSeat(engine: Engine): boolean {
    return hasRoom(this.#roster.of(engine)?.load, 0);
  }

  seat(engine: Engine): Lease {
    const live = this.#roster.of(engine);
    const seat = seatOf(live?.load);
    this.#judge.seated(live);
    return seat;
  }

  watchRoom(on: (engine?: Engine) => void): Disposable {
    return this.#listeners.watchRoom(on);
  }

  /** Have the engine `id`, where it can be on either side, on `side`; what it has under way goes on. */
  turn(id: string, side: Side): void {
    const live = this.#roster.get(id);
    const since = Math.floor(this.#options.clock.unixMs() / 1000);
    if (live?.turn(side, since) === true) this.#renew(live);
  }

  /** Have `on` told of every change from here on; it must not throw. */
  watch(on: (change: FleetChange) => void): Disposable {
    return this.#listeners.watch(on);
  }

  /**
   * Take engines from `source` until the fleet is disposed. Resolves when those it began with have
   * been asked for their models once, whatever came of it, and after `FIRST_ROUND_MS` at the latest.
   */
  follow(source: EngineSource): Promise<void> {
    const synced = Promise.withResolvers<void>();
    const { clock, log } = this.#options;
    const running = readSource(source, {
      signal: this.#stop.signal,
      log,
      onSynced: synced.resolve,
      onChange: (change) => this.#apply(change),
    }).finally(() => {
      this.#running.delete(running);
      synced.resolve();
    });
    this.#running.add(running);
    const ended = new AbortController();
    const all = synced.promise.then(() => this.#watchers.asked).then(() => ended.abort());
    const late = sleep(clock, FIRST_ROUND_MS, ended.signal);
    return Promise.race([all, late]).then(() => {});
  }

  /** Ask engines for their models at once, by id, all when `ids` is absent; resolves once all have been asked. */
  ask(ids?: Iterable<string>): Promise<void> {
    return this.#watchers.ask(ids);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#healthWatch?.[Symbol.dispose]();
    this.#overdue?.[Symbol.dispose]();
    await Promise.all([this.#watchers[Symbol.asyncDispose](), ...this.#running]);
  }

  #apply(change: EngineChange): void {
    switch (change.kind) {
      case "upsert":
        this.#upsert(change.engine);
        if (change.asleep !== undefined) this.setAsleep(change.engine, change.asleep);
        return;
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
    if (known?.configured.started === engine.started && known !== undefined) {
      return this.#configure(known, engine);
    }
    this.#remove(engine.id);
    const { clock, log, maxEngines = MAX_ENGINES } = this.#options;
    if (this.#roster.size >= maxEngines) {
      const reason = `${maxEngines} are there`;
      log.error("Engine left out: too many", { url: engine.url, reason });
      return;
    }
    const created = Math.floor(clock.unixMs() / 1000);
    const onRoom = (): void => this.#listeners.tellRoom(live.engine);
    const live: LiveEngine = new LiveEngine(engine, created, this.#options.seats, onRoom);
    this.#roster.add(live);
    this.#uses.begin(engine.url);
    this.#options.health.know?.(live.engine);
    this.#judge.judge(engine.id);
    this.#listeners.tell({ kind: "added", engine: live.engine });
    this.#watchers.add(engine.id, this.#watcherOf(live));
  }

  #configure(live: LiveEngine, engine: Engine): void {
    // Sources may tell again what they have told; it would have every engine asked at once.
    if (!live.leaving && live.isConfigured(engine)) return;
    live.leaving = false;
    live.configure(engine);
    this.#renew(live);
    this.#watchers.get(engine.id)?.askAnew();
  }

  #renew(live: LiveEngine): void {
    const { engine } = live;
    this.#options.health.know?.(engine);
    this.#judge.judge(engine.id);
    this.#roster.renew(live);
    this.#listeners.tell({ kind: "changed", engine });
  }

  #leave(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined || live.leaving) return;
    live.leaving = true;
    this.#judge.judge(id);
    this.#roster.renew(live);
    this.#listeners.tell({ kind: "leaving", engine: live.engine });
  }

  #remove(id: string): void {
    const live = this.#roster.get(id);
    if (live === undefined) return;
    this.#roster.delete(live);
    this.#watchers.end(id);
    const { health, policies } = this.#options;
    health.forget(id);
    this.#overdue?.forget(id);
    for (const policy of Object.values(policies)) policy.forget?.(id);
    this.#listeners.tell({ kind: "removed", engine: live.engine });
    this.#endUse(live.engine);
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
    this.#listeners.tell({ kind: "changed", engine: live.engine });
  }

  #landed(outcome: Outcome, { beganMs }: Begun, root: ErrorCode | undefined): void {
    const { health, observer } = this.#options;
    observer.onOutcome(outcome);
    const { engine, peer, leg, end, code } = outcome;
    if (this.#roster.of(engine) === undefined) return;
    health.report(outcome, { beganMs, root });
    this.#judge.judge(engine.id);
    if (leg === "models" && end === "failed") this.#giveUp(engine);
    if (end !== "failed" || !ASKS_AFTER.has(leg)) return;
    this.#watchers.get(engine.id)?.askSoon();
    // Either engine may be the reason that KV does not come.
    if (code === "kv-timeout" && peer !== undefined) this.#watchers.get(peer.id)?.askSoon();
  }

  /** What is overdue of an engine that does not answer is not waited for any longer. */
  #giveUp(engine: Engine): void {
    const { log, frozen } = this.#options;
    const overdueMs = this.#overdue?.overdueMs(engine.id);
    if (overdueMs === undefined || frozen === undefined) return;
    if (!isGivenUp({ ...frozen, engine, overdueMs, all: this.#roster.all })) return;
    const { url } = engine;
    log.warning("Engine shows no sign of life: its requests are taken elsewhere", { url });
    frozen.giveUp(engine);
  }

  /**
   * Whether `engine` sleeps: it gets nothing then, and stays. A request that it is sent a moment before is
   * its own affair.
   */
  setAsleep(engine: Engine, asleep: boolean): void {
    const live = this.#roster.of(engine);
    if (live === undefined || live.asleep === asleep) return;
    live.asleep = asleep;
    this.#options.log.info(asleep ? "Engine sleeps" : "Engine is awake", { url: engine.url });
    this.#roster.renew(live);
    this.#listeners.tell({ kind: "changed", engine: live.engine });
  }

  #count(live: LiveEngine | undefined, engine: Engine, leg: ServingLeg, delta: number): void {
    this.#inflight += delta;
    if (live !== undefined) live.inflight += delta;
    this.#options.observer.onInflight(engine, leg, delta);
  }

  /** What is there of a URL is one less; without any, it is forgotten. */
  #endUse(engine: Engine): void {
    if (this.#uses.end(engine.url)) this.#listeners.tell({ kind: "forgotten", engine });
  }
}
