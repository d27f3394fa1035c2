/** What a supervisor itself has to tell on `/metrics`. @module */
import type { MetricName, Series } from "../metrics/mod.ts";
import type { NoticeDesk } from "./notice_desk.ts";
import type { Supervisor } from "./supervisor.ts";

/** Its figures by the names of their metrics. */
export class OwnFigures {
  readonly #supervisor: Pick<Supervisor, "slots">;
  readonly #desk: Pick<NoticeDesk, "counts">;
  readonly #refused = new Map<string, number>();

  constructor(supervisor: Pick<Supervisor, "slots">, desk: Pick<NoticeDesk, "counts">) {
    this.#supervisor = supervisor;
    this.#desk = desk;
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
