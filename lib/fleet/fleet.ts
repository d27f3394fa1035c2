/** The engines that live: who is there, what they have under way, and who serves. @module */
import { type Engine, type ErrorCode, type Lease, type Side, sleep } from "../base/mod.ts";
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
  UNEQUAL,
  type Verdict,
} from "../selection/mod.ts";
import type { Asking, EngineFleet } from "./engine_fleet.ts";
import { EngineLives } from "./engine_lives.ts";
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
import type { LiveEngine } from "./live_engine.ts";
import { Members } from "./members.ts";
import { OverdueWatch } from "./overdue.ts";
import { readSource } from "./read_source.ts";
import { Roster } from "./roster.ts";
import { isGivenUp } from "./patience.ts";
import { place } from "./place.ts";
import { PairSeats, type Seated, seatedIn, type Seating, seatOf } from "./seats.ts";
import { UrlUses } from "./url_uses.ts";
import type { FleetView } from "./view.ts";
import { Watchers } from "./watchers.ts";

/** Longest first round, in milliseconds: one silent engine must not keep requests from the others. */
export const FIRST_ROUND_MS = 5_000;

/** Legs whose failure has the engine asked at once whether it is still there. */
const ASKS_AFTER: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct", "tokenize", "check"]);

/** What is known of a flight that is over beside its outcome. */
interface Landing {
  /** The code of the innermost cause of its failure. */
  readonly root: ErrorCode | undefined;
  /** The very engines that it was taken of, where they were there. */
  readonly live: LiveEngine | undefined;
  readonly other: LiveEngine | undefined;
}

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
  readonly #lives: EngineLives;
  readonly #members: Members;
  #inflight = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const { health, log, observer } = options;
    const lives = new EngineLives({
      clock: options.clock,
      log,
      slowStartMs: options.slowStartMs ?? 0,
    });
    const [roster, listeners] = [this.#roster, this.#listeners];
    this.#judge = new Judge({ health, log, observer, roster, listeners, lives });
    this.#overdue = options.frozen && new OverdueWatch({
      clock: options.clock,
      floorMs: options.frozen.afterMs,
      onOverdue: (id) => this.#watchers.get(id)?.askUrgently(),
    });
    this.#healthWatch = health.watch?.((id) => this.#judge.judge(id));
    this.#lives = lives;
    this.#members = new Members({
      options,
      roster,
      watchers: this.#watchers,
      uses: this.#uses,
      listeners,
      judge: this.#judge,
      lives,
      overdue: this.#overdue,
      ask: (live) => this.take(live.engine, "models"),
    });
  }

  /** Requests that engines work on. */
  get inflight(): number {
    return this.#inflight;
  }

  /** What this router has taken of the engines that are there: seats, and bytes of their KV buffers. */
  get seated(): Seated {
    return seatedIn(this.#roster.all);
  }

  /**
   * What is under way has been told to the others of `routers`, and what they have is heard: where more
   * may be taken than before, those that wait are offered it.
   */
  allow(routers: number): void {
    for (const live of this.#roster.all) {
      if (live.load.allow(routers)) this.#listeners.tellRoom(live.engine);
    }
  }

  /** What is known of pairs with `engine` is another: those that wait are offered them. */
  offer(engine: Engine): void {
    this.#listeners.tellRoom(engine);
  }

  /** Have `engine` asked for its models soon: it gives another router no answer. */
  askSoon({ id }: Engine): void {
    this.#watchers.get(id)?.askSoon();
  }

  snapshot(): FleetView {
    return this.#roster.view;
  }

  /** Every engine that is there, as it is at this moment; those that leave too. */
  get all(): Iterable<LiveEngine> {
    return this.#roster.all;
  }

  /** The engine that `engine` is a record of, as long as it is there. */
  live(engine: Pick<Engine, "id" | "url">): LiveEngine | undefined {
    return this.#roster.of(engine);
  }

  /** How far an engine is that is there; undefined where it is not. */
  life(engine: Engine): ReturnType<EngineLives["of"]> | undefined {
    const live = this.#roster.of(engine);
    return live && this.#lives.of(live);
  }

  /** Engines that have gone while something is still under way on them. */
  get gone(): Iterable<Engine> {
    return this.#lives.gone;
  }

  verdict(engine: Engine): Verdict {
    return this.#roster.of(engine)?.verdict ?? GOOD;
  }

  doubtedPairs(): readonly DoubtedPair[] {
    return this.#options.health.doubtedPairs?.() ?? [];
  }

  differ(prefill: Engine, decode: Engine): boolean {
    return this.#options.fit?.in(this.snapshot())?.(prefill.id, decode.id) === true;
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
      sieve: this.#lives.sieve,
      pairVerdict: this.#pairVerdict(view),
    });
    // Where room is looked at, a request goes to the pair only when its seats are taken.
    if (choice.kind === "pair" && choice.trial && ask.tokens === undefined) {
      health.chose?.(choice.pair.prefill, choice.pair.decode);
    }
    return choice;
  }

  /** What is held against pairs of `view`; undefined where nothing is, so that no choice looks at each. */
  #pairVerdict(view: FleetView): PairAsk["pairVerdict"] {
    const { health, fit } = this.#options;
    const unequal = fit?.in(view);
    const doubted = health.pairs === undefined
      ? (prefill: string, decode: string) => health.pair(prefill, decode)
      : health.pairs();
    if (unequal === undefined && doubted === undefined) return undefined;
    return ({ id: prefill }, { id: decode }) =>
      unequal?.(prefill, decode) === true ? UNEQUAL : doubted?.(prefill, decode) ?? GOOD;
  }

  chooseDirect(ask: Asking<ChoiceAsk> & Partial<Roomy>): Engine | undefined {
    const view = this.snapshot();
    return chooseDirect(view.group(ask.model), this.#options.policies, {
      ...ask,
      universe: view.engines,
      sieve: this.#lives.sieve,
    });
  }

  take(engine: Engine, leg: Leg, peer?: Engine, seat?: Lease, about: FlightSubject = {}): Flight {
    const { prompt, model, record, spans = record?.spans } = about;
    const held = seat?.move();
    this.#uses.begin(engine.url);
    const serving = isServing(leg) ? leg : undefined;
    // The very engine it is taken of: one that comes under its id later has its own count.
    const live = this.#roster.of(engine);
    if (serving !== undefined) this.#count(live, engine, serving, 1);
    const owed = prompt && live?.owe(place(this.#options.policies, { engine, leg, peer, prompt }));
    const { clock, observer } = this.#options;
    const other = peer && this.#roster.of(peer);
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
      span: spans?.leg(),
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
        this.#landed(outcome, begun, { root, live, other });
        record?.landed(outcome);
        // Whoever waits for the seat sees what health has learnt.
        held?.release();
        this.#members.endUse(engine);
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

  isAwaitedElsewhere(model: string): boolean {
    for (const { elsewhere, engine } of this.#roster.all) {
      if (elsewhere !== undefined && elsewhere.sum.waiting > 0 && engine.models.includes(model)) {
        return true;
      }
    }
    return false;
  }

  watchRoom(on: (engine?: Engine) => void): Disposable {
    return this.#listeners.watchRoom(on);
  }

  /** Have the engine `id`, where it can be on either side, on `side`; what it has under way goes on. */
  turn(id: string, side: Side): void {
    this.#members.turn(id, side);
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
    const round = this.#lives.beginRound();
    const running = readSource(source, {
      signal: this.#stop.signal,
      log,
      onSynced: synced.resolve,
      onChange: (change) => this.#members.apply(change),
    }).finally(() => {
      this.#running.delete(running);
      synced.resolve();
    });
    this.#running.add(running);
    const ended = new AbortController();
    const all = synced.promise.then(() => this.#watchers.asked).then(() => ended.abort());
    const late = sleep(clock, FIRST_ROUND_MS, ended.signal);
    return Promise.race([all, late]).then(() => round.release());
  }

  /** Ask engines for their models at once, by id, all when `ids` is absent; resolves once all have been asked. */
  ask(ids?: Iterable<string>): Promise<void> {
    return this.#watchers.ask(ids);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#healthWatch?.[Symbol.dispose]();
    this.#overdue?.[Symbol.dispose]();
    this.#lives[Symbol.dispose]();
    await Promise.all([this.#watchers[Symbol.asyncDispose](), ...this.#running]);
  }

  #landed(outcome: Outcome, { beganMs }: Begun, { root, live, other }: Landing): void {
    const { health, observer } = this.#options;
    observer.onOutcome(outcome);
    const { engine, peer, leg, end, code } = outcome;
    // Of one that was started anew meanwhile, it says nothing.
    if (live === undefined || this.#roster.of(engine) !== live) return;
    const together = peer !== undefined && this.#roster.of(peer) === other;
    health.report(together ? outcome : { ...outcome, peer: undefined }, { beganMs, root });
    this.#judge.judge(engine.id);
    if (leg === "models" && end === "ok") this.#lives.answered(live);
    if (leg === "models" && end === "failed") this.#giveUp(engine);
    if (end !== "failed" || !ASKS_AFTER.has(leg)) return;
    this.#watchers.get(engine.id)?.askSoon();
    // Either engine may be the reason that KV does not come.
    if (code === "kv-timeout" && peer !== undefined) this.#watchers.get(peer.id)?.askSoon();
  }

  /** What is overdue of an engine that does not answer is not waited for any longer. */
  #giveUp(engine: Engine): void {
    const { log, frozen } = this.#options;
    if (frozen === undefined || this.#overdue?.overdueMs(engine.id) === undefined) return;
    if (!isGivenUp({ engine, all: this.#roster.all })) return;
    const { url } = engine;
    log.warning("Engine shows no sign of life: its requests are taken elsewhere", { url });
    frozen.giveUp(engine);
  }

  /**
   * The engine has been started anew at its address: it is another one from here on, and nothing that was
   * learnt of it holds.
   */
  restarted(engine: Engine): void {
    this.#members.restarted(engine);
  }

  /**
   * Whether `engine` sleeps: it gets nothing then, and stays. A request that it is sent a moment before is
   * its own affair.
   */
  setAsleep(engine: Engine, asleep: boolean): void {
    this.#members.setAsleep(engine, asleep);
  }

  #count(live: LiveEngine | undefined, engine: Engine, leg: ServingLeg, delta: 1 | -1): void {
    this.#inflight += delta;
    live?.count(delta);
    this.#options.observer.onInflight(engine, leg, delta);
  }
}
