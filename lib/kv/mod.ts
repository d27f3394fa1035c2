/**
 * How KV gets from a prefill to a decode engine: one object per protocol, who answers for the KV, and
 * how it is released when no decode will read it.
 *
 * Knows nothing of clients, or of what a request asks for beside its KV.
 * @module
 */
export * from "./custody.ts";
export * from "./kv_id.ts";
export * from "./landing.ts";
export * from "./protocol.ts";
export * from "./reclaim.ts";
export * from "./table.ts";
