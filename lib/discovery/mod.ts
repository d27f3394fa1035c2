/**
 * Which engines there are and which models they serve.
 *
 * Knows nothing of requests, or of which engine is the right one for them.
 * @module
 */
export * from "./directory.ts";
export * from "./model_probe.ts";
