/** What a fleet and its health tell other routers, and take of what these tell. @module */
import type { Clock, Engine } from "../base/mod.ts";
import {
  type EngineSums,
  type Hearing,
  type PeerId,
  rankOf,
  type Telling,
  type VerdictTold,
} from "../gossip/mod.ts";
import type { Pair, PrefixExchange } from "../selection/mod.ts";
import type { BreakerSharing } from "./breaker.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetChange } from "./fleet_options.ts";
import { type Elsewhere, namedBy, nameOf, type Others } from "./others.ts";
import type { SharedHealth, VerdictSharing } from "./shared_health.ts";
import { SidesTold } from "./sides_told.ts";
import { Unplaced, type UnplacedVerdict } from "./unplaced.ts";

/**
 * By how much later each router tries what may be tried again than the one that goes before it, in
 * milliseconds: what that one does is known by then. And the most for any.
 */
export const TURN_MS = 100;
export const MAX_TURN_MS = 1_000;

/** What it works with. */
export interface FleetGossipDeps {
  readonly clock: Clock;
  readonly sums: EngineSums;
  readonly self: PeerId;
  /** The other routers, at this moment. */
  readonly peers: () => Iterable<PeerId>;
  /** Which router decides on sides. */
  readonly lead: () => PeerId;
  /** There is something that others are to know at once. */
  readonly hurry: () => void;
  /** What engines have met of prompts. */
  readonly exchange: PrefixExchange;
}

/** Between one fleet and other routers; `attach` it before anything is gossiped. */
export class FleetGossip implements Others, VerdictSharing {
  readonly #deps: FleetGossipDeps;
  readonly #unplaced = new Unplaced();
  /** What is held against these is another than was told, by id and by ids. */
  readonly #engines = new Map<string, Engine>();
  readonly #pairs = new Map<string, Pair>();
  /** On which side others have engines: whoever of them decides, all go by it. */
  readonly #sides = new SidesTold();
  #lead: PeerId | undefined;
  #fleet: Fleet | undefined;
  #health: SharedHealth | undefined;
  #waits: (models: readonly string[]) => boolean = () => false;

  constructor(deps: FleetGossipDeps) {
    this.#deps = deps;
  }

  /** It speaks for `fleet` and `health` from here on. */
  attach(fleet: Fleet, health: SharedHealth): void {
    this.#fleet = fleet;
    this.#health = health;
    fleet.watch((change) => this.#follow(change));
  }

  /** `waits` says whether requests for any of the models wait here for room at an engine. */
  await(waits: (models: readonly string[]) => boolean): void {
    this.#waits = waits;
  }

  at(engine: Engine): Elsewhere {
    const name = nameOf(engine);
    const { sum, lease } = this.#deps.sums.hold(name);
    return {
      name,
      sum,
      hurry: this.#deps.hurry,
      [Symbol.dispose]() {
        sum.onMove = undefined;
        lease.release();
      },
    };
  }

  ofEngine(engine: Engine): BreakerSharing {
    return this.#sharing(nameOf(engine), () => this.#engines.set(engine.id, engine));
  }

  ofPair(pair: Pair): BreakerSharing {
    const { prefill, decode } = pair;
    const key = `${nameOf(prefill)}\n${nameOf(decode)}`;
    return this.#sharing(key, () => this.#pairs.set(key, pair));
  }

  /** Tell what is under way, and what is held against whom. */
  gather(telling: Telling): void {
    const [fleet, health] = [this.#fleet, this.#health];
    if (fleet === undefined || health === undefined) return;
    this.#followLead(fleet);
    for (const { elsewhere, told, verdict, engine } of fleet.all) {
      if (elsewhere === undefined) continue;
      told.silent = verdict.kind === "shut" && health.isSilent(engine.id);
      told.waits = this.#waits(engine.models);
      telling.load(elsewhere.name, told);
    }
    if (telling.all) this.#tellAll(telling, fleet, health);
    else this.#tellChanged(telling, fleet, health);
    this.#engines.clear();
    this.#pairs.clear();
    for (const { id, chunks } of this.#deps.exchange.take()) {
      const engine = fleet.snapshot().find(id);
      if (engine !== undefined) telling.met(nameOf(engine), chunks);
    }
  }

  /** As `Hearing`. */
  readonly hearing: Pick<Hearing, "verdict" | "pair" | "side" | "silent" | "met"> = {
    verdict: (engine, told) => this.#place({ names: [engine], told, atMs: this.#deps.clock.now() }),
    pair: (prefill, decode, told) =>
      this.#place({ names: [prefill, decode], told, atMs: this.#deps.clock.now() }),
    side: (engine, side, peer) => {
      this.#sides.set(peer, engine, side);
      this.#turn(namedBy(engine));
    },
    silent: (engine) => {
      const live = this.#fleet?.live(namedBy(engine));
      if (live?.verdict.kind === "good") this.#fleet?.askSoon(live.engine);
    },
    met: (engine, chunks) => {
      const live = this.#fleet?.live(namedBy(engine));
      if (live !== undefined) this.#deps.exchange.hear(live.engine.id, chunks);
    },
  };

  /** A router has gone: what it tried is tried by others, and what it said last is said again. */
  lost(peer: PeerId): void {
    this.#sides.forget(peer);
    const [fleet, health] = [this.#fleet, this.#health];
    if (fleet === undefined || health === undefined) return;
    for (const { engine } of fleet.all) {
      if (health.told(engine.id)?.author === peer) this.#engines.set(engine.id, engine);
    }
    for (const pair of health.knownPairs) {
      if (health.pairTold(pair)?.author !== peer) continue;
      this.#pairs.set(`${nameOf(pair.prefill)}\n${nameOf(pair.decode)}`, pair);
    }
    health.lost(peer);
    for (const { engine } of fleet.all) fleet.offer(engine);
  }

  #sharing(matter: string, onChange: () => void): BreakerSharing {
    const deps = this.#deps;
    const { clock, peers, hurry } = deps;
    return {
      get self() {
        return deps.self;
      },
      unixMs: () => clock.unixMs(),
      onChange: () => {
        onChange();
        hurry();
      },
      waitMs: (version) =>
        Math.min(MAX_TURN_MS, TURN_MS * rankOf(deps.self, peers(), `${version} ${matter}`)),
    };
  }

  /** Another router may decide from here on: what it has told before holds. */
  #followLead(fleet: Fleet): void {
    const lead = this.#deps.lead();
    if (lead === this.#lead) return;
    this.#lead = lead;
    for (const { engine } of fleet.all) if (engine.elastic === true) this.#turn(engine);
  }

  #tellAll(telling: Telling, fleet: Fleet, health: SharedHealth): void {
    for (const { engine } of fleet.all) tellEngine(telling, health, engine);
    for (const pair of health.knownPairs) tellPair(telling, fleet, health, pair);
  }

  #tellChanged(telling: Telling, fleet: Fleet, health: SharedHealth): void {
    for (const engine of this.#engines.values()) {
      if (fleet.live(engine) !== undefined) tellEngine(telling, health, engine);
    }
    for (const pair of this.#pairs.values()) tellPair(telling, fleet, health, pair);
  }

  /** Have an engine on the side that it is on for the router that decides. */
  #turn({ id, url }: Pick<Engine, "id" | "url">): void {
    const side = this.#sides.of(this.#deps.lead(), nameOf({ id, url }));
    if (side === undefined || this.#fleet?.live({ id, url }) === undefined) return;
    this.#fleet.turn(id, side);
  }

  /** An engine has come, or has another record: what was told of it before holds. */
  #follow({ kind, engine }: FleetChange): void {
    if (kind === "removed") this.#sides.drop(nameOf(engine));
    else if (engine.elastic === true) this.#turn(engine);
    if (kind !== "added" || this.#unplaced.size === 0) return;
    for (const verdict of this.#unplaced.take(nameOf(engine), this.#deps.clock.now())) {
      this.#place(verdict);
    }
  }

  #place(verdict: UnplacedVerdict): void {
    const { names: [first, second], told } = verdict;
    const one = this.#fleet?.live(namedBy(first))?.engine;
    const other = second === undefined ? one : this.#fleet?.live(namedBy(second))?.engine;
    if (one === undefined || other === undefined) this.#unplaced.put(verdict);
    else if (second === undefined) this.#hear(one, told);
    else if (this.#health?.hearPair({ prefill: one, decode: other }, told) === true) {
      this.#fleet?.offer(other);
    }
  }

  #hear(engine: Engine, told: VerdictTold): void {
    const was = this.#fleet?.verdict(engine).kind;
    this.#health?.hear(engine.id, told);
    // Whether it gives any answer, each router finds out by itself.
    if (was === "good" && told.shut !== undefined) this.#fleet?.askSoon(engine);
  }
}

function tellEngine(telling: Telling, health: SharedHealth, engine: Engine): void {
  const told = health.told(engine.id);
  if (told !== undefined) telling.verdict(nameOf(engine), told);
}

function tellPair(telling: Telling, fleet: Fleet, health: SharedHealth, pair: Pair): void {
  const told = health.pairTold(pair);
  const { prefill, decode } = pair;
  const there = fleet.live(prefill) !== undefined && fleet.live(decode) !== undefined;
  if (told !== undefined && there) telling.pair(nameOf(prefill), nameOf(decode), told);
}
