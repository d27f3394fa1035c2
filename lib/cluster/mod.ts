/**
 * Several replicas of a router, joined by a broker: notifications are handed over to the replica that
 * waits, and what routers tell one another is carried between them.
 *
 * Knows nothing of engines and requests, nor what routers tell one another.
 * @module
 */
export type { BrokerLink, OnBrokerMessage, OpenBroker } from "./broker.ts";
export {
  Cluster,
  type ClusterListener,
  type ClusterParts,
  type ClusterState,
  type ClusterStats,
} from "./cluster.ts";
export { ClusterBus, EVERYBODY } from "./cluster_bus.ts";
export { clusterCounts, clusterGauges, type Figured } from "./figures.ts";
export { gossipBytes, gossipIn } from "./envelope.ts";
export { NoticeRoute } from "./notice_route.ts";
export { redisBroker } from "./redis_broker.ts";
export { replicaIn, withinReplica } from "./tag.ts";
