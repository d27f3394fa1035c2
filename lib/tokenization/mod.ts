/**
 * Prompts as token ids, and the ways to them.
 *
 * Knows nothing of handoffs, nor how an engine is reached: it is given a way to post.
 * @module
 */
export * from "./cache.ts";
export * from "./ids.ts";
export * from "./post.ts";
export * from "./prompt_source.ts";
export * from "./tokenizer.ts";
