/**
 * A router's surroundings without a network: connections, engines and clients in memory, by which its
 * code is run before anybody waits for it.
 *
 * Knows what engines answer and clients ask, as far as every way of a request is taken; must not know the
 * router that is run, or touch any other.
 * @module
 */
export * from "./asks.ts";
export * from "./memory_client.ts";
export * from "./memory_engine.ts";
export * from "./memory_listener.ts";
export * from "./memory_pull.ts";
