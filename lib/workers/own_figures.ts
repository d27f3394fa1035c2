/** What a supervisor itself has to tell on `/metrics`. @module */
import { clusterCounts, clusterGauges, type Figured } from "../cluster/mod.ts";
import type { MetricName, Series } from "../metrics/mod.ts";
import type { NoticeDesk } from "./notice_desk.ts";
import type { Supervisor } from "./supervisor.ts";

/** Its figures by the names of their metrics. */
export class OwnFigures {
  readonly #supervisor: Pick<Supervisor, "slots">;
  readonly #desk: Pick<NoticeDesk, "counts">;
  readonly #cluster: Figured | undefined;
  readonly #refused = new Map<string, number>();

  constructor(
    supervisor: Pick<Supervisor, "slots">,
    desk: Pick<NoticeDesk, "counts">,
    cluster?: Figured | undefined,
  ) {
    this.#supervisor = supervisor;
    this.#desk = desk;
    this.#cluster = cluster;
  }

  /** A peer was not let in. */
  refused(reason: string): void {
    this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1);
  }

  /** As they are at the moment. */
  series(): ReadonlyMap<string, Series> {
    const { slots } = this.#supervisor;
    const states = Map.groupBy(slots, ({ state }) => state);
    return new Map<MetricName, Series>([
      ...this.#ofCluster(),
      series(
        "pd_router_workers",
        "state",
        [...states].map(([state, { length }]) => [state, length]),
      ),
      series(
        "pd_router_worker_restarts_total",
        "worker",
        slots.map(({ number, life }) => [`${number}`, Math.max(0, life - 1)]),
      ),
      series(
        "pd_router_worker_messages_dropped_total",
        "worker",
        slots.map(({ number, dropped }) => [`${number}`, dropped]),
      ),
      series("pd_router_kv_notifications_total", "result", this.#desk.counts),
      series("pd_router_kv_peers_refused_total", "reason", this.#refused),
    ]);
  }

  #ofCluster(): readonly (readonly [MetricName, Series])[] {
    if (this.#cluster === undefined) return [];
    const gauges = clusterGauges(this.#cluster).map(([name, value]) =>
      [name, new Map([[name, value]])] as const
    );
    const { pd_router_cluster_notices_total: notices, pd_router_cluster_problems_total: problems } =
      clusterCounts(this.#cluster);
    return [
      ...gauges,
      series("pd_router_cluster_notices_total", "result", Object.entries(notices.counts)),
      series("pd_router_cluster_problems_total", "kind", Object.entries(problems.counts)),
    ];
  }
}

/** Values by one label. */
function series(
  name: MetricName,
  label: string,
  values: Iterable<readonly [value: string, count: number]>,
): readonly [MetricName, Series] {
  const told = [...values].map(([value, count]) =>
    [`${name}{${label}="${value}"}`, count] as const
  );
  return [name, new Map(told)];
}
