/**
 * What the router counts and times, and how others' counts are read.
 *
 * Knows nothing of where the figures come from; does no I/O.
 * @module
 */
export * from "./exposition.ts";
export * from "./names.ts";
export * from "./names_stack.ts";
export { OBSERVED_METRICS, type ObservedMetric } from "./names_observed.ts";
export * from "./registry.ts";
export * from "./series_table.ts";
