/** A router of one process as one replica of several, put together over their broker. @module */
import type { ClusterSeat } from "./app_handoff.ts";
import type { AppPorts } from "./app_ports.ts";
import { readPem } from "./app_pem.ts";
import type { Clock, Logger, Random } from "./base/mod.ts";
import {
  Cluster,
  ClusterBus,
  clusterCounts,
  clusterGauges,
  NoticeRoute,
  type OpenBroker,
  redisBroker,
} from "./cluster/mod.ts";
import { clusterAddress, type RouterConfig } from "./config/mod.ts";

/** What it works with. */
export interface ClusterPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** @default the server that the configuration names */
  readonly open?: OpenBroker;
}

/** Join the cluster of `config`; undefined where it names none. It is connected when its server is there. */
export async function openCluster(
  { cluster, tlsCaFile }: Pick<RouterConfig, "cluster" | "tlsCaFile">,
  { open, ...parts }: ClusterPorts,
): Promise<Cluster | undefined> {
  if (cluster === undefined) return undefined;
  const caCerts = tlsCaFile === undefined ? [] : [await readPem(tlsCaFile)];
  const joined = new Cluster({
    ...parts,
    name: cluster.name,
    at: clusterAddress(cluster),
    open: open ?? redisBroker(cluster, caCerts),
  });
  joined.start();
  return joined;
}

/** What a router of one process has of `cluster`, which stays its owner's. */
export function clusterSeat(cluster: Cluster): Pick<AppPorts, "bus" | "kvTag" | "cluster"> {
  const bus = new ClusterBus(cluster);
  const route = new NoticeRoute(cluster);
  cluster.listen({
    notice: (frame) => route.take(frame),
    gossip: (from, message) => bus.take(from, message),
    change: () => bus.changed(),
  });
  return {
    bus,
    kvTag: () => cluster.tag,
    cluster: {
      around: (board) => route.around(board),
      remark: () => ({ ...remarkOf(cluster), replicas: String(cluster.replicas) }),
      gauge: gauger(cluster),
    },
  };
}

/** What `/health` says of it. */
export function remarkOf(
  { tag, connected }: Pick<Cluster, "tag" | "connected">,
): Readonly<Record<string, string>> {
  return { replica: tag, redis: connected ? "connected" : "lost" };
}

/** Has metrics tell the figures: of counters, what has come to them since they were told last. */
function gauger(cluster: Cluster): NonNullable<ClusterSeat["gauge"]> {
  const counted = new Map<string, number>();
  const since = (key: string, value: number): number => {
    const more = value - (counted.get(key) ?? 0);
    counted.set(key, value);
    return more;
  };
  return (metrics) => {
    for (const [name, value] of clusterGauges(cluster)) metrics.set(name, {}, value);
    const { pd_router_cluster_notices_total: notices, pd_router_cluster_problems_total: problems } =
      clusterCounts(cluster);
    for (const [result, value] of Object.entries(notices.counts)) {
      metrics.count("pd_router_cluster_notices_total", { result }, since(result, value));
    }
    for (const [kind, value] of Object.entries(problems.counts)) {
      metrics.count("pd_router_cluster_problems_total", { kind }, since(kind, value));
    }
  };
}
