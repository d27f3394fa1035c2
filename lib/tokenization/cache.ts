/** `/tokenize` answers of prompts that come again, kept up to a size. @module */
import { LRUCache } from "lru-cache";
import { byteLength, type ByteParts, concatBytes } from "../base/mod.ts";
import type { PromptTokens, Tokenizer } from "./tokenizer.ts";

/** What one entry weighs beside its ids, in bytes: the key, the records, the cache's own lists. */
const ENTRY_BYTES = 400;

/** Largest request whose answer is looked up, in bytes: to be known again, it is read at once. */
const MAX_KEYED_BYTES = 4 * 1024 * 1024;

/** How a cache is set up. */
export interface TokenizeCacheOptions {
  /** Its size in bytes, above 0. */
  readonly maxBytes: number;
  readonly onLookup: (result: "hit" | "miss") => void;
}

/**
 * `tokenizer` with its latest answers kept. What is asked decides alone, not who is asked: a request
 * names its model, and engines of one model agree. Refusals and failures are not kept.
 */
export function cachedTokenizer(tokenizer: Tokenizer, options: TokenizeCacheOptions): Tokenizer {
  const kept = new LRUCache<string, PromptTokens>({
    maxSize: options.maxBytes,
    sizeCalculation: ({ ids }) => ids.length + ENTRY_BYTES,
  });
  return {
    async tokenize(engine, body, caller) {
      if (byteLength(body) > MAX_KEYED_BYTES) return await tokenizer.tokenize(engine, body, caller);
      const key = await digest(body);
      const known = kept.get(key);
      options.onLookup(known === undefined ? "miss" : "hit");
      if (known !== undefined) return { kind: "tokens", prompt: known };
      const end = await tokenizer.tokenize(engine, body, caller);
      if (end.kind === "tokens") {
        // A copy: the ids are a view of the whole answer, which would be held with them.
        kept.set(key, { ...end.prompt, ids: end.prompt.ids.slice() });
      }
      return end;
    },
    detokenize: (...asked) => tokenizer.detokenize(...asked),
  };
}

/** SHA-256 of `body`, in hexadecimal: a prompt of megabytes is not kept to be compared with. */
async function digest(body: ByteParts): Promise<string> {
  const bytes = new Uint8Array(concatBytes(body));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
