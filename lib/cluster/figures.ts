/** What a replica has to tell on `/metrics`. Pure. @module */
import type { Cluster } from "./cluster.ts";

/** What it reads. */
export type Figured = Pick<Cluster, "connected" | "replicas" | "echoMs" | "stats" | "post">;

/** Values at the moment. */
export type ClusterGauges = readonly (readonly [
  name:
    | "pd_router_cluster_connected"
    | "pd_router_cluster_replicas"
    | "pd_router_cluster_echo_seconds",
  value: number,
])[];

/** From the start on, by the metric's one label. */
export interface ClusterCounts {
  readonly pd_router_cluster_notices_total: ByLabel<"result">;
  readonly pd_router_cluster_problems_total: ByLabel<"kind">;
}

/** Values of a label, each with its count. */
export interface ByLabel<Label extends string> {
  readonly label: Label;
  readonly counts: Readonly<Record<string, number>>;
}

/** The gauges; one that has no value yet is left out. */
export function clusterGauges({ connected, replicas, echoMs }: Figured): ClusterGauges {
  return [
    ["pd_router_cluster_connected", connected ? 1 : 0],
    ["pd_router_cluster_replicas", replicas],
    ...(echoMs === undefined ? [] : [["pd_router_cluster_echo_seconds", echoMs / 1000] as const]),
  ];
}

/** The counters. */
export function clusterCounts({ stats, post }: Figured): ClusterCounts {
  return {
    pd_router_cluster_notices_total: {
      label: "result",
      counts: {
        handed_over: post.handedOver,
        received: stats.received,
        repeated: stats.repeated,
        expired: post.expired,
        overflowed: post.overflowed,
      },
    },
    pd_router_cluster_problems_total: {
      label: "kind",
      counts: { lost: stats.losses, unsent: stats.unsent, refused: stats.refused },
    },
  };
}
