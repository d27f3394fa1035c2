/**
 * HTTP/1.1 on the wire, whichever side reads it: characters, heads, framing of bodies.
 *
 * Knows nothing of sockets or time, nor of what a request or a response is for.
 * @module
 */
export * from "./body.ts";
export * from "./chars.ts";
export * from "./chunked.ts";
export * from "./fields.ts";
export * from "./head_reader.ts";
export * from "./head_writer.ts";
export * from "./window.ts";
export * from "./wire_error.ts";
