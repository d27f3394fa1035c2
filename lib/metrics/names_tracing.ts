/** Metrics of traces on their way to a collector. @module */
import type { MetricSpec } from "./metric_spec.ts";

/** By name. Where no request is traced, none has a sample. */
export const TRACING_METRICS = {
  "pd_router_spans_total": {
    kind: "counter",
    help:
      "Spans that have ended, by what became of them: exported; failed, the collector did not take " +
      "them; dropped, as too many waited for it.",
    labels: ["result"],
  },
  "pd_router_spans_waiting": {
    kind: "gauge",
    help: "Spans that wait for the collector.",
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
