/**
 * KV-ready notifications: the ZeroMQ socket prefill ranks push to, and who waits for how many; and
 * sockets that subscribe to a publisher, and ask it.
 *
 * Knows the wire (ZMTP, msgpack) and request ids; must not know engines, HTTP or what a wait is for.
 * @module
 */
export { ALWAYS, type Demand } from "./demand.ts";
export * from "./kv_ready_board.ts";
export type { KvWaiter, KvWaitOptions } from "./kv_waiter.ts";
export { MessageQueue } from "./message_queue.ts";
export * from "./notice.ts";
export * from "./notification_proxy.ts";
export type { PeerSight } from "./peer_ledger.ts";
export { pullBinder } from "./pull_kinds.ts";
export * from "./pull_socket.ts";
export { type ClientStream, type DialZmtp, type ZmtpAddress, ZmtpLost } from "./zmtp_client.ts";
export type { ZmtpLimits } from "./zmtp_decoder.ts";
export { bindPull } from "./zmtp_pull.ts";
export { requestMany } from "./zmtp_request.ts";
export { type SubEvent, subscribe } from "./zmtp_sub.ts";
