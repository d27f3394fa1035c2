/**
 * Prompts as token ids, and the ways to them.
 *
 * Of a handoff it knows that a prefill may tell the ids of its prompt, nothing else; nor how an
 * engine is reached: it is given a way to post.
 * @module
 */
export * from "./cache.ts";
export * from "./ids.ts";
export * from "./post.ts";
export * from "./prompt_source.ts";
export * from "./tokenizer.ts";
export * from "./typed_ids.ts";
