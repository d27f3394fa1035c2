/**
 * Names of KV chunks: a hash chained over chunks of token ids, as LMCache's token database makes
 * them. The last chunk's hash covers exactly its tokens, however few.
 * @module
 */
import type { JsonObject } from "./json.ts";
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

/** How the elements of the simulated KV are called: LMCache's name of float32. */
export const KV_DTYPE = "float";

/** Chunk hashes of `ids` in order: signed 64-bit numbers in hex, as Python writes them. */
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
    if ((at + 1) % chunkSize === 0 || at + 1 === end) hashes.push(signedHex(high, low));
  }
  return hashes;
}

/**
 * The key of a chunk on one rank, in the form of LMCache's `CacheEngineKey.to_string` (`utils.py`).
 * @param tags What `tagSuffix` made of the request.
 */
export function chunkKey(hash: string, rank: number, space: KeySpace, tags = ""): string {
  return `${space.model}@${space.worldSize}@${rank}@${hash}@${KV_DTYPE}${tags}`;
}

/**
 * What a request's `kv_transfer_params` add to its keys: each member `lmcache.tag.X`, in order. A
 * tagged key is another key than the same without its tags.
 */
export function tagSuffix(params: JsonObject): string {
  let suffix = "";
  for (const [name, value] of Object.entries(params)) {
    if (name.startsWith(TAG)) suffix += `@${name.slice(TAG.length)}%${String(value)}`;
  }
  return suffix;
}

/** Throws Error on a text that LMCache's `CacheEngineKey.from_string` cannot read. */
export function checkChunkKey(key: string): void {
  const [, worldSize = "", rank = "", hash = "", dtype, ...tags] = key.split("@");
  const read = /^\d+$/.test(worldSize) && /^\d+$/.test(rank) && /^-?[0-9a-f]{1,16}$/.test(hash) &&
    dtype === KV_DTYPE && tags.every((tag) => tag.includes("%"));
  if (!read) throw new Error(`Invalid key string: ${key}`);
}

const TAG = "lmcache.tag.";

function signedHex(high: number, low: number): string {
  return (BigInt(high | 0) << 32n | BigInt(low >>> 0)).toString(16);
}
