/**
 * What accepts clients: connections and requests of HTTP/1.1, their limits, and their departures.
 *
 * Knows nothing of endpoints, or of what an answer says.
 * @module
 */
export { AddressGossip } from "./address_gossip.ts";
export * from "./contract/mod.ts";
export * from "./deno_request.ts";
export * from "./deno_response.ts";
export { type DenoFrontParts, startDenoFront } from "./deno_serve.ts";
export * from "./http1/mod.ts";
export * from "./idle_wheel.ts";
export type { PlatformServe, PlatformServeOptions, PlatformServer } from "./platform.ts";
