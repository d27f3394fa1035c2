/**
 * The HTTP/1.1 client to the engines: pooled connections, response heads, bytes in chunks.
 *
 * Knows nothing of OpenAI, SSE, roles or which engine is the right one.
 * @module
 */
export * from "./client.ts";
export * from "./dial.ts";
export * from "./headers.ts";
export * from "./http_client.ts";
export * from "./origin.ts";
export type { PoolStats } from "./pool.ts";
