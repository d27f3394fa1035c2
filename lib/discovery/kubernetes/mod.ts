/**
 * Objects of Kubernetes, listed and watched over the router's own HTTP client.
 *
 * Knows nothing of engines, nor of what pods and Services are.
 * @module
 */
export { type ApiClientPorts, HttpApiClient } from "./api_client.ts";
export { type ClusterEvent, Follower, type FollowerPorts, type ObjectSink } from "./follower.ts";
export type { Collection } from "./list.ts";
export {
  type JsonObject,
  type ObjectMeta,
  objectsOf,
  textOf,
  type Texts,
  textsOf,
} from "./objects.ts";
