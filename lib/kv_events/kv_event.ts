/** What an engine's KV events say. @module */

/** Blocks that came into a cache, one behind the other. */
export interface StoredBlocks {
  readonly kind: "stored";
  /** The engine's own hashes: low and high half of each, signed. */
  readonly hashes: Int32Array;
  /** That of the block before the first, likewise; undefined where a prompt begins. */
  readonly parent: Int32Array | undefined;
  /** Of all blocks, `blockSize` of each. */
  readonly tokens: Int32Array;
  readonly blockSize: number;
  /** Where the blocks are: `GPU`, `CPU` and others. */
  readonly medium: string;
  /** The adapter that made them; empty for none. */
  readonly lora: string;
  /** What made them besides, one number for each block, 0 for nothing: images, salts. */
  readonly extras: Uint32Array | undefined;
}

/** Blocks that went out of a cache. */
export interface RemovedBlocks {
  readonly kind: "removed";
  readonly hashes: Int32Array;
  readonly medium: string;
}

/** One event. */
export type KvEvent = StoredBlocks | RemovedBlocks | { readonly kind: "cleared" };

/** Where blocks are that no medium is told of, as by vLLM before it told any. */
export const USUAL_MEDIUM = "GPU";

/** What `text` weighs in among what a block is made of besides its tokens; not 0. */
export function extraOf(bytes: Uint8Array, before = 0): number {
  let hash = Math.imul(before ^ 0x811c_9dc5, 0x0100_0193);
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x0100_0193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b_3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) || 1;
}
