/**
 * Several prompts of one request: each answered by itself, the answers put together.
 *
 * Knows nothing of how one prompt is answered: it is given a way.
 * @module
 */
export * from "./fan_out.ts";
