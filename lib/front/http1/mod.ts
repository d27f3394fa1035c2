/**
 * A strict HTTP/1.1 server on the platform's sockets: heads, bodies, connections and their limits.
 *
 * Knows nothing of endpoints, or of what an answer says.
 * @module
 */
export { type Http1Parts, startHttp1 } from "./server.ts";
export type { FrontListener, FrontSocket, Listen } from "./socket.ts";
export { Turnstile } from "./turnstile.ts";
