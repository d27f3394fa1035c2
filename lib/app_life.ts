/** What is told of the lives of engines, and what ends where one was started anew. @module */
import type { Engine } from "./base/mod.ts";
import type { BrokenPairs, Fleet, FleetChange, PairFit } from "./fleet/mod.ts";
import type { LifeReport } from "./http/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import type { PooledUpstreamClient } from "./upstream/mod.ts";
import type { KvReadyBoard } from "./zmq/mod.ts";

/** What is known of pairs beside what health says. */
export interface PairNotes {
  /** Undefined where engines are paired whatever they tell. */
  readonly fit: PairFit | undefined;
  readonly broken: BrokenPairs;
}

/** What `/engines` tells of how far engines are. */
export function lifeReport(
  fleet: Pick<Fleet, "life" | "gone" | "snapshot">,
  { fit, broken }: PairNotes,
): LifeReport {
  return {
    misfits: () => fit?.misfitsIn(fleet.snapshot()) ?? [],
    broken: () => broken.broken,
    of(engine) {
      const { state = "gone", share } = fleet.life(engine) ?? {};
      return share === undefined ? { state } : { state, share: Math.round(share * 100) / 100 };
    },
    gone: () => fleet.gone,
  };
}

/** Set the gauges of engines' states and of pairs: of those that are forgotten nothing is left. */
export function gaugeLives(
  metrics: Pick<Metrics, "replace" | "set">,
  fleet: Pick<Fleet, "snapshot" | "life" | "gone">,
  { fit, broken }: PairNotes,
): void {
  const states = [...fleet.snapshot().engines, ...fleet.gone].map((engine) => ({
    labels: { server: engine.url, state: fleet.life(engine)?.state ?? "gone" } as const,
    value: 1,
  }));
  metrics.replace("pd_router_engine_state", states);
  const misfits = fit?.misfitsIn(fleet.snapshot()) ?? [];
  metrics.set("pd_router_pairs_unequal", {}, misfits.length);
  metrics.set("pd_router_pairs_broken", {}, broken.broken.length);
}

/** What keeps something of engines that were started anew. */
export interface RestartParts {
  readonly metrics: Pick<Metrics, "count">;
  readonly upstream: Pick<PooledUpstreamClient, "forget">;
  /** Undefined where nobody waits for KV. */
  readonly board: () => Pick<KvReadyBoard, "lose"> | undefined;
}

/** Ends what waits for an engine that was started anew, and its connections. */
export function endRestarted(parts: RestartParts): (change: FleetChange) => void {
  const end = ({ id, url }: Engine): void => {
    parts.metrics.count("pd_router_engine_restarts_total", { server: url });
    parts.upstream.forget(url);
    parts.board()?.lose(id);
  };
  return (change) => {
    if (change.kind === "removed" && change.replaced === true) end(change.engine);
  };
}
