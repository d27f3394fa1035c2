/**
 * Names of KV chunks: a hash chained over chunks of token ids, as LMCache's token database makes
 * them. The last chunk's hash covers exactly its tokens, however few.
 * @module
 */
import type { TokenIds } from "./tokenizer.ts";

/** What makes two engines name the same tokens alike. */
export interface KeySpace {
  readonly model: string;
  readonly worldSize: number;
  /** PYTHONHASHSEED. */
  readonly hashSeed: string;
  readonly chunkSize: number;
  /** Whether a last chunk that is not full is kept. */
  readonly saveUnfullChunk: boolean;
}

/** Chunk hashes of `ids` in order, 16 hex digits each. */
export function chunkHashes(ids: TokenIds, space: KeySpace): readonly string[] {
  let low = 0x811c9dc5;
  let high = 0x01000193;
  for (const char of space.hashSeed) {
    low = Math.imul(low ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  const hashes: string[] = [];
  const { chunkSize } = space;
  const end = space.saveUnfullChunk ? ids.length : ids.length - ids.length % chunkSize;
  for (let at = 0; at < end; at++) {
    const id = ids[at] ?? 0;
    low = Math.imul(low ^ id, 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul((high << 5 | high >>> 27) ^ low, 0xc2b2ae35) + id | 0;
    if ((at + 1) % chunkSize === 0 || at + 1 === end) hashes.push(hex(high) + hex(low));
  }
  return hashes;
}

/** The key of a chunk on one rank, in the form of LMCache's `CacheEngineKey.to_string`. */
export function chunkKey(hash: string, rank: number, space: KeySpace): string {
  return `vllm@${space.model}@${space.worldSize}@${rank}@${hash}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
