/** Who comes to a fleet and goes: what its sources tell of engines, and what engines tell of themselves. @module */
import type { Engine, Side } from "../base/mod.ts";
import type { ModelCard } from "../openai/mod.ts";
import type { EngineLives } from "./engine_lives.ts";
import type { FleetOptions } from "./fleet_options.ts";
import type { Flight } from "./flight.ts";
import type { Judge } from "./judge.ts";
import type { Listeners } from "./listeners.ts";
import { LiveEngine } from "./live_engine.ts";
import { ModelWatcher } from "./model_watcher.ts";
import type { OverdueWatch } from "./overdue.ts";
import type { EngineChange } from "./read_source.ts";
import type { Roster } from "./roster.ts";
import type { UrlUses } from "./url_uses.ts";
import type { Watchers } from "./watchers.ts";

/** Most engines where nothing else is said. */
const MAX_ENGINES = 65_536;

/** What they work with: all of it is the fleet's. */
export interface MemberParts {
  readonly options: FleetOptions;
  readonly roster: Roster;
  readonly watchers: Watchers;
  readonly uses: UrlUses;
  readonly listeners: Listeners;
  readonly judge: Judge;
  readonly lives: EngineLives;
  readonly overdue: OverdueWatch | undefined;
  /** Begins to ask an engine for its models. */
  readonly ask: (live: LiveEngine) => Flight;
}

/** The engines of one fleet, as they come, change and go. */
export class Members {
  readonly #parts: MemberParts;

  constructor(parts: MemberParts) {
    this.#parts = parts;
  }

  /** Take what a source tells. */
  apply(change: EngineChange): void {
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

  /** The engine has been started anew at its address: it is another one. */
  restarted(engine: Engine): void {
    const live = this.#parts.roster.of(engine);
    if (live === undefined) return;
    const { leaving, configured } = live;
    this.#replace(live, configured);
    if (leaving) this.#leave(configured.id);
  }

  /** As `Fleet.turn`. */
  turn(id: string, side: Side): void {
    const { roster, options } = this.#parts;
    const live = roster.get(id);
    const since = Math.floor(options.clock.unixMs() / 1000);
    if (live?.turn(side, since) === true) this.#renew(live);
  }

  /** As `Fleet.setAsleep`. */
  setAsleep(engine: Engine, asleep: boolean): void {
    const { roster, options, listeners, lives } = this.#parts;
    const live = roster.of(engine);
    if (live === undefined || live.asleep === asleep) return;
    live.asleep = asleep;
    options.log.info(asleep ? "Engine sleeps" : "Engine is awake", { url: engine.url });
    if (!asleep) lives.returned(live);
    roster.renew(live);
    listeners.tell({ kind: "changed", engine: live.engine });
  }

  /** What is there of a URL is one less; without any, it is forgotten. */
  endUse(engine: Engine): void {
    const { uses, lives, listeners } = this.#parts;
    if (!uses.end(engine.url)) return;
    lives.forgotten(engine.url);
    listeners.tell({ kind: "forgotten", engine });
  }

  #upsert(engine: Engine): void {
    const { roster, options } = this.#parts;
    const known = roster.of(engine);
    if (known?.configured.started === engine.started && known !== undefined) {
      return this.#configure(known, engine);
    }
    if (known !== undefined) return this.#replace(known, engine);
    this.#remove(engine.id);
    const { log, maxEngines = MAX_ENGINES } = options;
    if (roster.size >= maxEngines) {
      const reason = `${maxEngines} are there`;
      log.error("Engine left out: too many", { url: engine.url, reason });
      return;
    }
    this.#add(engine);
  }

  #replace({ engine: { id, url, role } }: LiveEngine, next: Engine): void {
    const { options, uses } = this.#parts;
    options.log.info("Engine has been started anew: nothing of it is kept", { url, role });
    // Its URL goes on to mean an engine.
    uses.begin(url);
    this.#remove(id, true);
    this.#add(next);
    this.endUse(next);
  }

  #add(engine: Engine): void {
    const { roster, options, uses, listeners, lives, judge, watchers } = this.#parts;
    const created = Math.floor(options.clock.unixMs() / 1000);
    const onRoom = (): void => listeners.tellRoom(live.engine);
    const elsewhere = options.others?.at(engine);
    const live: LiveEngine = new LiveEngine(engine, created, options.seats, onRoom, elsewhere);
    roster.add(live);
    uses.begin(engine.url);
    options.health.know?.(live.engine);
    lives.came(live);
    judge.judge(engine.id);
    listeners.tell({ kind: "added", engine: live.engine });
    watchers.add(engine.id, this.#watcherOf(live));
  }

  #configure(live: LiveEngine, engine: Engine): void {
    // Sources may tell again what they have told; it would have every engine asked at once.
    if (!live.leaving && live.isConfigured(engine)) return;
    live.leaving = false;
    live.configure(engine);
    this.#renew(live);
    this.#parts.watchers.get(engine.id)?.askAnew();
  }

  #renew(live: LiveEngine): void {
    const { roster, options, listeners, lives, judge } = this.#parts;
    const { engine } = live;
    options.health.know?.(engine);
    judge.judge(engine.id);
    lives.noted(live);
    roster.renew(live);
    listeners.tell({ kind: "changed", engine });
  }

  #leave(id: string): void {
    const { roster, listeners, lives, judge } = this.#parts;
    const live = roster.get(id);
    if (live === undefined || live.leaving) return;
    live.leaving = true;
    judge.judge(id);
    lives.noted(live);
    roster.renew(live);
    listeners.tell({ kind: "leaving", engine: live.engine });
  }

  /** `replaced`: another engine takes its place at its address at once. */
  #remove(id: string, replaced?: true): void {
    const { roster, options, watchers, listeners, lives, overdue } = this.#parts;
    const live = roster.get(id);
    if (live === undefined) return;
    roster.delete(live);
    watchers.end(id);
    const { health, policies } = options;
    health.forget(id);
    overdue?.forget(id);
    live.elsewhere?.[Symbol.dispose]();
    lives.left(live, replaced !== true && live.ownInflight > 0);
    for (const policy of Object.values(policies)) policy.forget?.(id);
    const { engine } = live;
    listeners.tell({ kind: "removed", engine, ...(replaced === undefined ? {} : { replaced }) });
    this.endUse(engine);
  }

  #watcherOf(live: LiveEngine): ModelWatcher {
    const { clock, random, log, fetchCards } = this.#parts.options;
    return new ModelWatcher({
      clock,
      random,
      log,
      fetchCards,
      engine: () => live.configured,
      take: () => this.#parts.ask(live),
      onCards: (cards) => this.#learn(live, cards),
    });
  }

  #learn(live: LiveEngine, cards: readonly ModelCard[]): void {
    const { roster, listeners } = this.#parts;
    live.learn(cards);
    roster.renew(live);
    listeners.tell({ kind: "changed", engine: live.engine });
  }
}
