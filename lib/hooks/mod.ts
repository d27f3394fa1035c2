/**
 * The operator's own code: hooks before a request is sent on, and behind its answer.
 *
 * Knows nothing of endpoints, engines or how a request is answered; modules are imported by whoever has
 * the process.
 * @module
 */
export * from "./contract.ts";
export * from "./hooks.ts";
export * from "./load.ts";
