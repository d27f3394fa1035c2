/** The sides of engines that can be on either, and how many engines are wanted. @module */
import type { Clock, Logger } from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import { type Fleet, GroupWatch } from "./fleet/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** What it is built of. */
export interface ElasticParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly fleet: Fleet;
  /** As `GroupWatchDeps.leads`. */
  readonly leads?: (() => boolean) | undefined;
}

/** Watches the fleet until it is disposed. */
export interface RunningElastic extends Disposable {
  /** Set the gauges to what holds at this moment. */
  gauge(): void;
}

/** Demand is smoothed by it where no engine can move. */
const USUAL = { intervalMs: 30_000, minPrefill: 1, minDecode: 1 } as const;

const SIDES = ["prefill", "decode"] as const;

/** Begin to watch, by the rules of what `configNow` gives at the moment. */
export function watchGroups(
  configNow: () => Pick<RouterConfig, "elastic">,
  { clock, log, metrics, fleet, leads }: ElasticParts,
): RunningElastic {
  const watch = new GroupWatch({
    clock,
    log,
    fleet,
    leads,
    rules: {
      get intervalMs() {
        return (configNow().elastic ?? USUAL).intervalMs;
      },
      get minPrefill() {
        return (configNow().elastic ?? USUAL).minPrefill;
      },
      get minDecode() {
        return (configNow().elastic ?? USUAL).minDecode;
      },
    },
    onMove: (_engine, to) => metrics.count("pd_router_elastic_moves_total", { to }),
  });
  return {
    gauge() {
      metrics.replace(
        "pd_router_scale_hint",
        watch.wanted.map(({ model, role, engines }) => ({
          labels: { model, role },
          value: engines,
        })),
      );
      for (const { url: server, role, elastic } of fleet.snapshot().engines) {
        if (elastic !== true) continue;
        for (const side of SIDES) {
          metrics.set("pd_router_elastic_side", { server, side }, side === role ? 1 : 0);
        }
      }
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}
