/** Metrics of several processes behind one port (`--workers`). @module */
import type { MetricSpec } from "./metric_spec.ts";

/** They are told by the process that starts the others. */
export const WORKER_METRICS = {
  "pd_router_workers": {
    kind: "gauge",
    help: "Processes of --workers now, by how far they are: serving, starting, waiting (to be " +
      "started again), silent (they did not answer in time for this text).",
    labels: ["state"],
  },
  "pd_router_worker_restarts_total": {
    kind: "counter",
    help: "Processes of --workers that were started in place of others.",
    labels: ["worker"],
  },
  "pd_router_worker_messages_dropped_total": {
    kind: "counter",
    help: "What processes of --workers were to be told and did not read in time.",
    labels: ["worker"],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
