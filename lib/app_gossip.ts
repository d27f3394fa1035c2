/** What this router shares with those beside it, put together over the bus between them. @module */
import type { Clock, Logger, Random } from "./base/mod.ts";
import { KeyGossip, type KeySharing, type KeyStore } from "./doors/mod.ts";
import { type Fleet, FleetGossip, type Others, type SharedHealth } from "./fleet/mod.ts";
import type { VerdictSharing } from "./fleet/mod.ts";
import { AddressGossip, type AddressSharing } from "./front/mod.ts";
import { type Bus, Counts, EngineSums, Gossip, type GossipStats, placeOf } from "./gossip/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { type PolicyParts, PrefixExchange } from "./selection/mod.ts";

/** What it works with. */
export interface GossipParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "set" | "count">;
}

/** What the parts of a router share their affairs by. */
export interface GossipWiring extends Disposable {
  readonly keys: KeySharing;
  readonly verdicts: VerdictSharing;
  readonly others: Others;
  readonly addresses: AddressSharing;
  /** What policies are made of besides, with other routers there. */
  readonly beside: Pick<PolicyParts, "firstTurn" | "exchange">;
  /** Begin to tell of these, and to have them know what is heard. */
  start(fleet: Fleet, health: SharedHealth, keys: () => KeyStore | undefined): void;
  /** Have others know for which models requests wait in `queue`. */
  await(queue: { awaits(models: readonly string[]): boolean }): void;
  /** Something has changed that others are to know at once. */
  readonly hurry: () => void;
  /** Whether this router decides what only one of them is to decide. */
  readonly leads: () => boolean;
  /** Set the gauges to what holds at this moment. */
  gauge(): void;
}

/** Wire them over `bus`, which stays its owner's. */
export function wireGossip(bus: Bus, { clock, random, log, metrics }: GossipParts): GossipWiring {
  const [engines, running, connections] = [new EngineSums(), new Counts(), new Counts()];
  let gossip: Gossip | undefined;
  let store: () => KeyStore | undefined = () => undefined;
  const hurry = (): void => gossip?.hurry();
  const addresses = new AddressGossip(connections);
  const keys = new KeyGossip({ counts: running, store: () => store(), hurry });
  const exchange = new PrefixExchange();
  const own = new FleetGossip({
    clock,
    exchange,
    sums: engines,
    get self() {
      return bus.self;
    },
    peers: () => gossip?.peers ?? [],
    hurry,
    lead: () => gossip?.lead ?? bus.self,
  });
  const count = counter(metrics);
  return {
    keys,
    verdicts: own,
    others: own,
    addresses,
    beside: { firstTurn: placeOf(bus.self), exchange },
    start(fleet, health, keysInForce) {
      store = keysInForce;
      own.attach(fleet, health);
      gossip = new Gossip({
        ...{ clock, random, log, bus, engines, running, addresses: connections },
        hearing: { ...own.hearing, ...keys.hearing },
        gather(telling) {
          own.gather(telling);
          keys.gather(telling);
          addresses.gather(telling);
        },
        onTold: () => fleet.allow(gossip?.routers ?? 1),
        onGone: (peer) => own.lost(peer),
      });
    },
    await: (queue) => own.await((models) => queue.awaits(models)),
    hurry,
    leads: () => (gossip?.lead ?? bus.self) === bus.self,
    gauge() {
      metrics.set("pd_router_gossip_peers", {}, (gossip?.routers ?? 1) - 1);
      if (gossip !== undefined) count(gossip.stats);
    },
    [Symbol.dispose]: () => gossip?.[Symbol.dispose](),
  };
}

/** Counts what has come to the figures since they were counted last. */
function counter(metrics: Pick<Metrics, "count">): (stats: Readonly<GossipStats>) => void {
  const counted = new Map<keyof GossipStats, number>();
  const since = (stats: Readonly<GossipStats>, name: keyof GossipStats): number => {
    const more = stats[name] - (counted.get(name) ?? 0);
    counted.set(name, stats[name]);
    return more;
  };
  return (stats) => {
    for (const direction of ["sent", "heard"] as const) {
      const messages = since(stats, `${direction}Messages`);
      metrics.count("pd_router_gossip_messages_total", { direction }, messages);
      const bytes = since(stats, `${direction}Bytes`);
      metrics.count("pd_router_gossip_bytes_total", { direction }, bytes);
    }
    for (
      const [kind, name] of [["refused", "refused"], ["gap", "gaps"], ["silent", "silent"]] as const
    ) {
      metrics.count("pd_router_gossip_problems_total", { kind }, since(stats, name));
    }
  };
}
