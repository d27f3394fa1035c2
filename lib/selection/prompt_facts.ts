/** What policies may know of a prompt. @module */

/** Characters of a prompt's text in a chunk, as the router of production-stack has it. */
export const CHUNK_CHARS = 128;

/** One prompt, as far as a choice depends on it. What costs something is made when it is first asked for. */
export interface PromptFacts {
  /** About how many tokens it has; exactly where its ids are known. At least 1. */
  readonly tokens: number;
  /**
   * Hashes of its text by chunks, each of all the text up to the chunk's end: equal where two prompts
   * begin alike. Integers below 2^53; none where there is no text.
   */
  chunks(): Float64Array;
  /**
   * Tokens from its beginning whose KV the engine `id` holds, as its KV events tell; undefined where
   * nobody knows.
   */
  cachedAt(id: string): number | undefined;
}
