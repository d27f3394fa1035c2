/** Fleets with health of several routers that gossip on one clock, before made-up engines. @module */
import {
  type Engine,
  type ErrorCode,
  RouterError,
  seededRandom,
  silentLogger,
} from "../../lib/base/mod.ts";
import {
  EngineHealth,
  type EngineSource,
  Fleet,
  FleetGossip,
  type HealthRules,
  type Leg,
  type SeatLimits,
  staticSource,
} from "../../lib/fleet/mod.ts";
import type { PolicyName } from "../../lib/config/mod.ts";
import { Counts, EngineSums, Gossip } from "../../lib/gossip/mod.ts";
import { policiesFor, PrefixExchange } from "../../lib/selection/mod.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryHub } from "../support/memory_bus.ts";
import { cards } from "./support.ts";

/** What is put up with. */
export const RULES: HealthRules = {
  engine: { failures: 2, pauseMs: 1_000, maxPauseMs: 8_000 },
  pair: { failures: 2, pauseMs: 1_000, maxPauseMs: 8_000 },
  maxShutShare: 1,
};

/** One router's. */
export interface Side {
  readonly self: string;
  readonly fleet: Fleet;
  readonly health: EngineHealth;
  readonly gossip: Gossip;
  /** Engines that were told to have room. */
  readonly roomy: string[];
  /** Models for which requests wait. */
  readonly waits: Set<string>;
  /** How often each engine was asked for its models. */
  readonly asked: Map<string, number>;
}

/** Routers before the same engines. */
export class Gossiping implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly hub = new MemoryHub();
  readonly sides: Side[] = [];
  readonly #seats: SeatLimits;
  readonly #kind: PolicyName;

  constructor(
    seats: SeatLimits = { prefill: undefined, serving: undefined },
    kind: PolicyName = "least_loaded",
  ) {
    this.#seats = seats;
    this.#kind = kind;
  }

  /** One more, which knows `engines`, or what `source` tells. */
  add(engines: readonly Engine[], source: EngineSource = staticSource(engines)): Side {
    const { clock } = this;
    const bus = this.hub.join(String(this.sides.length));
    const sums = new EngineSums();
    const random = seededRandom(this.sides.length + 1);
    const exchange = new PrefixExchange();
    let gossip: Gossip | undefined;
    const own = new FleetGossip({
      clock,
      sums,
      self: bus.self,
      peers: () => gossip?.peers ?? [],
      hurry: () => gossip?.hurry(),
      exchange,
      lead: () => gossip?.lead ?? bus.self,
    });
    const waits = new Set<string>();
    own.await((models) => models.some((model) => waits.has(model)));
    const log = silentLogger();
    const health = new EngineHealth({ clock, random, log, rules: RULES, sharing: own });
    const asked = new Map<string, number>();
    const fleet = new Fleet({
      clock,
      random,
      log,
      health,
      policies: policiesFor({ kind: this.#kind }, { random, exchange }),
      fetchCards: ({ engine: { id } }) => {
        asked.set(id, (asked.get(id) ?? 0) + 1);
        return Promise.resolve(cards(["m"]));
      },
      observer: { onInflight: () => {}, onOutcome: () => {}, onVerdict: () => {} },
      seats: this.#seats,
      others: own,
    });
    own.attach(fleet, health);
    const made = gossip = new Gossip({
      clock,
      random,
      log,
      bus,
      engines: sums,
      running: new Counts(),
      addresses: new Counts(),
      hearing: { ...own.hearing, used() {}, resets() {} },
      gather: (telling) => own.gather(telling),
      onTold: () => fleet.allow(made.routers),
      onGone: (peer) => own.lost(peer),
    });
    const roomy: string[] = [];
    fleet.watchRoom((engine) => void (engine && roomy.push(engine.id)));
    const side = { self: bus.self, fleet, health, gossip: made, roomy, waits, asked };
    this.sides.push(side);
    void fleet.follow(source);
    return side;
  }

  /** The one at `index`, which is there. */
  at(index: number): Side {
    const side = this.sides[index];
    if (side === undefined) throw new Error(`There is no router ${index}`);
    return side;
  }

  /** A flight of `side` that begins and fails at this moment. */
  fail(side: Side, engine: Engine, code: ErrorCode, leg: Leg = "direct", peer?: Engine): void {
    side.fleet.take(engine, leg, peer).failed(new RouterError(code, "It failed"));
  }

  /** One dies. */
  kill(side: Side): void {
    this.hub.leave(side.self);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { fleet, gossip, health } of this.sides) {
      gossip[Symbol.dispose]();
      const ended = fleet[Symbol.asyncDispose]();
      await this.clock.advance(1);
      await ended;
      health[Symbol.dispose]();
    }
  }
}
