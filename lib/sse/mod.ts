/**
 * Server-sent events: bytes to events and back.
 *
 * Of what the events mean it knows the end of an OpenAI stream alone.
 * @module
 */
export * from "./decode.ts";
export * from "./encode.ts";
