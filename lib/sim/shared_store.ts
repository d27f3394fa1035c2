/** The directory that engines with connector `shared_storage` share. @module */
import type { TokenIds } from "./tokenizer.ts";
import { Sequence } from "./sequence.ts";

/**
 * KV by prompt prefix, kept forever, as vLLM's SharedStorageConnector keeps files. Prefixes are cut
 * at whole blocks, leaving out at least the last token, which the reader computes itself.
 */
export interface SharedStore {
  /** Keep the KV of a prompt. */
  save(ids: TokenIds, blockSize: number): void;
  /** Tokens of `ids` whose KV is there; all of the cut prefix or none. */
  find(ids: TokenIds, blockSize: number): number;
}

/** An empty store for the engines of one process. */
export function createSharedStore(): SharedStore {
  const prefixes = new Set<string>();
  return {
    save(ids, blockSize) {
      const cut = cutOf(ids, blockSize);
      if (cut > 0) prefixes.add(nameOf(ids, cut));
    },
    find(ids, blockSize) {
      const cut = cutOf(ids, blockSize);
      return cut > 0 && prefixes.has(nameOf(ids, cut)) ? cut : 0;
    },
  };
}

function cutOf(ids: TokenIds, blockSize: number): number {
  const longest = ids.length - 1;
  return longest - longest % blockSize;
}

function nameOf(ids: TokenIds, length: number): string {
  const sequence = new Sequence(0);
  for (let at = 0; at < length; at++) sequence.push(ids[at] ?? 0);
  return `${length}:${sequence.fingerprint().join("-")}`;
}
