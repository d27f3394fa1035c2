/**
 * What accepts clients: connections and requests of HTTP/1.1, their limits, and their departures.
 *
 * Knows nothing of endpoints, or of what an answer says.
 * @module
 */
export * from "./front.ts";
