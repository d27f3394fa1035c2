/**
 * Server-sent events: bytes to events and back.
 *
 * Knows nothing of what the events mean.
 * @module
 */
export * from "./decode.ts";
export * from "./encode.ts";
