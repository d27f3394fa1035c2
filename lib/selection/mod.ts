/**
 * Which engine serves: policies, pairs, and how busy each engine is.
 *
 * Does no I/O and knows nothing of bodies or of the handoff's protocol.
 * @module
 */
export * from "./inflight.ts";
export * from "./policy.ts";
export * from "./select.ts";
export * from "./session.ts";
