/**
 * What the router counts and times.
 *
 * Knows nothing of where the figures come from; does no I/O.
 * @module
 */
export * from "./names.ts";
export * from "./registry.ts";
