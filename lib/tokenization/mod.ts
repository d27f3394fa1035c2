/**
 * Prompts as token ids.
 *
 * Knows nothing of handoffs, nor how an engine is reached: it is given a way to post.
 * @module
 */
export * from "./tokenizer.ts";
