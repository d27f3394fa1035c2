/** Metrics of the sources of engines. @module */
import type { MetricSpec } from "./metric_spec.ts";

/** By name. */
export const DISCOVERY_METRICS = {
  "pd_router_discovery_engines": {
    kind: "gauge",
    help: "Engines that a source has found, by source; those that are left out for mistakes too.",
    labels: ["source"],
  },
  "pd_router_discovery_left_out": {
    kind: "gauge",
    help: "Engines that a source has found and that are left out: the log says why.",
    labels: ["source"],
  },
  "pd_router_discovery_synced": {
    kind: "gauge",
    help: "Whether a source has told all that was there when it began (1) or not yet (0).",
    labels: ["source"],
  },
  "pd_router_discovery_up": {
    kind: "gauge",
    help: "Whether a source can look at the moment (1) or not (0); its engines stay as they were.",
    labels: ["source"],
  },
  "pd_router_discovery_lists_total": {
    kind: "counter",
    help: "Times that a source has read the whole list of what is there.",
    labels: ["source"],
  },
  "pd_router_discovery_errors_total": {
    kind: "counter",
    help: "What went wrong while a source was looking: refusals, connections lost, bad answers.",
    labels: ["source"],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
