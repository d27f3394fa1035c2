/**
 * Which engine has what of a prompt in its cache, from the KV events that engines publish.
 *
 * Knows vLLM's events, and the sockets they come by; nothing of requests, or of how an engine is chosen.
 * @module
 */
export { decodeBatch } from "./decode_batch.ts";
export * from "./kv_event.ts";
export type { FeedParts, KvEventResult, KvGapResult } from "./kv_feed.ts";
export * from "./kv_index.ts";
export type { KvPrompt, PromptMaking } from "./kv_prompt.ts";
export * from "./kv_watch.ts";
export { MAX_RANKS } from "./limits.ts";
