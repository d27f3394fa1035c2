/**
 * The ground floor: time, chance, ids, errors, leases, logs, bytes, and what an engine is.
 *
 * Knows nothing of HTTP, ZeroMQ or OpenAI; every other folder may import it.
 * @module
 */
export * from "./ascii.ts";
export * from "./bounded_set.ts";
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./descriptors.ts";
export * from "./engine.ts";
export * from "./errors.ts";
export * from "./json.ts";
export * from "./kv_protocol.ts";
export * from "./lease.ts";
export * from "./log.ts";
export * from "./random.ts";
export * from "./wait.ts";
