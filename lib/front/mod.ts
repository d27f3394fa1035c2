/**
 * What accepts clients: connections and requests of HTTP/1.1, their limits, and their departures.
 *
 * Knows nothing of endpoints, or of what an answer says.
 * @module
 */
export { type DenoFrontParts, startDenoFront } from "./deno_serve.ts";
export type { PlatformServe, PlatformServer } from "./deno_relay.ts";
export * from "./front.ts";
