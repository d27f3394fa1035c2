/**
 * What a handoff is made of: whether a request can take one, and the bodies of its legs. Pure.
 *
 * Knows nothing of sockets, or of which engines will serve.
 * @module
 */
export * from "./budget.ts";
export * from "./check_request.ts";
export * from "./decide.ts";
export * from "./features.ts";
export * from "./generation.ts";
export * from "./legs.ts";
export * from "./messages.ts";
export * from "./prompt.ts";
export * from "./prompt_chunks.ts";
export * from "./prompt_size.ts";
export * from "./prompts.ts";
export * from "./spec.ts";
export * from "./stops.ts";
