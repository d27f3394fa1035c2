/**
 * The ground floor: time, chance, ids, errors, leases, logs, bytes, and what an engine is.
 *
 * Knows nothing of HTTP, ZeroMQ or OpenAI; every other folder may import it.
 * @module
 */
export * from "./abort_watch.ts";
export * from "./ascii.ts";
export * from "./bounded_set.ts";
export * from "./byte_budget.ts";
export * from "./bytes.ts";
export * from "./cidr.ts";
export * from "./clock.ts";
export * from "./descriptors.ts";
export * from "./digest.ts";
export * from "./dns_name.ts";
export * from "./engine.ts";
export * from "./engine_address.ts";
export * from "./errors.ts";
export * from "./growing_bytes.ts";
export * from "./hash.ts";
export { addressText, type IpAddress, parseAddress, plainAddress } from "./ip.ts";
export * from "./json.ts";
export * from "./kv_protocol.ts";
export * from "./large_buffer.ts";
export * from "./lease.ts";
export * from "./linked_list.ts";
export * from "./log.ts";
export * from "./loop_turns.ts";
export * from "./once.ts";
export * from "./random.ts";
export * from "./shared_timers.ts";
export * from "./short_bytes.ts";
export * from "./sliced.ts";
export * from "./small_text.ts";
export type * from "./spans.ts";
export * from "./turn_meter.ts";
export * from "./under_way.ts";
export * from "./wait.ts";
export * from "./watched_files.ts";
