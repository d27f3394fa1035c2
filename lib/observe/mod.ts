/**
 * Where the time of requests went: phases, what is kept of recent requests, and how it is told.
 *
 * Knows nothing of HTTP, nor of who looks.
 * @module
 */
export * from "./shapes.ts";
