/** What is told of the lives of engines, and what ends where one was started anew. @module */
import type { Logger } from "./base/mod.ts";
import { type FactsParts, watchFacts } from "./app_facts.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  BrokenPairs,
  type FactsWatch,
  type Fleet,
  type FleetOptions,
  FleetView,
  type Misfit,
  PairFit,
} from "./fleet/mod.ts";
import type { LifeReport } from "./http/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { PooledUpstreamClient } from "./upstream/mod.ts";
import type { KvReadyBoard } from "./zmq/mod.ts";

/** What is known of pairs beside what health says. */
export interface PairNotes {
  /** Pairs that are not handed off between, as their engines differ. */
  readonly misfits: () => readonly Misfit[];
  readonly broken: Pick<BrokenPairs, "broken">;
}

/** What `/engines` tells of how far engines are. */
export function lifeReport(
  fleet: Pick<Fleet, "life" | "snapshot">,
  { misfits, broken }: PairNotes,
): LifeReport {
  return {
    misfits,
    broken: () => broken.broken,
    of(engine) {
      const { state = "gone", share } = fleet.life(engine) ?? {};
      return share === undefined ? { state } : { state, share: Math.round(share * 100) / 100 };
    },
  };
}

/** Set the gauges of engines' states and of pairs: of those that are forgotten nothing is left. */
export function gaugeLives(
  metrics: Pick<Metrics, "replace" | "set">,
  fleet: Pick<Fleet, "snapshot" | "life" | "gone">,
  { misfits, broken }: PairNotes,
): void {
  const states = [...fleet.snapshot().engines, ...fleet.gone].map((engine) => ({
    labels: { server: engine.url, state: fleet.life(engine)?.state ?? "gone" } as const,
    value: 1,
  }));
  metrics.replace("pd_router_engine_state", states);
  metrics.set("pd_router_pairs_unequal", {}, misfits().length);
  metrics.set("pd_router_pairs_broken", {}, broken.broken.length);
}

/** What lives are followed with. */
export interface LifeParts extends Omit<FactsParts, "onRestart"> {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "count">;
  readonly upstream: PooledUpstreamClient;
}

/** What engines tell of themselves, and what is known of pairs by it. */
export interface LifeWiring extends PairNotes {
  readonly facts: FactsWatch;
  /** Told of every outcome. */
  readonly observers: readonly Pick<FactsWatch, "landed">[];
  /** What the fleet goes by. */
  readonly fleet: Pick<FleetOptions, "fit" | "slowStartMs">;
  /** The fleet is there; `board` is where it is waited for KV at the moment. */
  attach(fleet: Fleet, board: () => Pick<KvReadyBoard, "lose"> | undefined): void;
}

/** Wire them for what `config` says at the moment. */
export function wireLives(config: () => RouterConfig, parts: LifeParts): LifeWiring {
  const { log, metrics, upstream } = parts;
  let attached: Fleet | undefined;
  const facts = watchFacts({ ...parts, onRestart: (engine) => attached?.restarted(engine) });
  const fit = new PairFit(log, facts);
  const snapshot = (): FleetView => attached?.snapshot() ?? new FleetView([], []);
  const broken = new BrokenPairs({ log, snapshot });
  const { slowStartMs } = config().health;
  const isPaired = (): boolean => config().health.pairUnequal === true;
  return {
    facts,
    misfits: () => isPaired() ? [] : fit.misfitsIn(snapshot()),
    broken,
    observers: [facts, broken],
    fleet: {
      fit: { in: (view) => isPaired() ? undefined : fit.in(view) },
      ...(slowStartMs === undefined ? {} : { slowStartMs }),
    },
    attach(fleet, board) {
      attached = fleet;
      fleet.watch((change) => {
        facts.follow(change);
        broken.follow(change);
        if (change.kind !== "removed" || change.replaced !== true) return;
        const { id, url } = change.engine;
        metrics.count("pd_router_engine_restarts_total", { server: url });
        upstream.forget(url);
        board()?.lose(id);
      });
    },
  };
}
