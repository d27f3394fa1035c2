/** Metrics of several replicas that are joined by a Redis (`--cluster`). @module */
import type { MetricSpec } from "./metric_spec.ts";

/** By name. Without a cluster, none has a sample. */
export const CLUSTER_METRICS = {
  "pd_router_cluster_connected": {
    kind: "gauge",
    help: "1 while the cluster's Redis is reached, 0 while this replica goes by itself.",
    labels: [],
  },
  "pd_router_cluster_replicas": {
    kind: "gauge",
    help: "Replicas of the cluster that are heard, this one among them.",
    labels: [],
  },
  "pd_router_cluster_echo_seconds": {
    kind: "gauge",
    help: "How long the last message of this replica to itself took through the cluster's Redis.",
    labels: [],
  },
  "pd_router_cluster_notices_total": {
    kind: "counter",
    help: "KV-ready notifications between replicas, by result: handed_over to another; received; " +
      "repeated, received and known already; expired, nobody took it in 10 s; overflowed, too many " +
      "were to be handed over.",
    labels: ["result"],
  },
  "pd_router_cluster_problems_total": {
    kind: "counter",
    help:
      "What went wrong with the cluster's Redis, by kind: lost, a connection; unsent, what other " +
      "replicas were to be told; refused, a message that is no replica's.",
    labels: ["kind"],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
