/**
 * TLS where the platform's own does not do: client certificates, in both directions, and certificates
 * that are renewed while connections are served.
 *
 * Knows nothing of HTTP, or of what a flag is called.
 * @module
 */
export * from "./client.ts";
export * from "./listener.ts";
export * from "./pair.ts";
export { checkFree, HANDOVER_MS } from "./plain.ts";
export * from "./server.ts";
export type { ByteSocket } from "./stream_socket.ts";
export * from "./watched_pair.ts";
