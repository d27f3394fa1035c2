/**
 * KV-ready notifications: the ZeroMQ socket prefill ranks push to, and who waits for how many.
 *
 * Knows the wire (ZMTP, msgpack) and request ids; must not know engines, HTTP or what a wait is for.
 * @module
 */
export type { Demand } from "./demand.ts";
export * from "./kv_ready_board.ts";
export type { KvWaiter, KvWaitOptions } from "./kv_waiter.ts";
export * from "./notice.ts";
export * from "./notification_proxy.ts";
export type { PeerSight } from "./peer_ledger.ts";
export { pullBinder } from "./pull_kinds.ts";
export * from "./pull_socket.ts";
export { bindPull } from "./zmtp_pull.ts";
