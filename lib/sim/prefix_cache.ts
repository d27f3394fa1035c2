/** The engine's own KV of earlier prompts, by block; the oldest used are dropped first. @module */
import type { TokenIds } from "./tokenizer.ts";

/** A block that came into the cache. */
export interface StoredBlocks {
  readonly hashes: readonly bigint[];
  readonly parent: bigint | undefined;
  readonly tokens: TokenIds;
}

/** Told of every change, in order. */
export interface PrefixCacheListener {
  stored(blocks: StoredBlocks): void;
  removed(hashes: readonly bigint[]): void;
  cleared(): void;
}

/** Bounded by a number of blocks. */
export class PrefixCache {
  readonly #blockSize: number;
  readonly #capacity: number;
  readonly #listener: PrefixCacheListener | undefined;
  /** Block hashes, least recently used first. */
  readonly #blocks = new Set<number>();
  readonly #full = new Map<number, bigint>();

  constructor(blockSize: number, capacity: number, listener?: PrefixCacheListener) {
    this.#blockSize = blockSize;
    this.#capacity = capacity;
    this.#listener = listener;
  }

  /** Blocks held. */
  get size(): number {
    return this.#blocks.size;
  }

  /**
   * Note a prompt: returns how many of its first tokens were there, whole blocks and never all of
   * the prompt, and keeps its whole blocks from then on.
   */
  admit(ids: TokenIds): number {
    const size = this.#blockSize;
    const whole = Math.floor(ids.length / size);
    let hits = 0;
    let hitting = true;
    let low = 0x2545f491;
    let high = 0x9e3779b9 | 0;
    let parent: bigint | undefined;
    const fresh: bigint[] = [];
    const keys: number[] = [];
    for (let block = 0; block < whole; block++) {
      for (let at = block * size; at < (block + 1) * size; at++) {
        low = Math.imul(low ^ (ids[at] ?? 0), 0x9e3779b1);
        low ^= low >>> 15;
        high = Math.imul((high << 5 | high >>> 27) ^ low, 0xc2b2ae35);
      }
      // 52 bits: what a double holds exactly.
      const key = (high >>> 12) * 2 ** 32 + (low >>> 0);
      const known = this.#blocks.delete(key);
      keys.push(key);
      hitting &&= known;
      if (hitting) hits++;
      if (this.#listener !== undefined) {
        const hash = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
        if (known && fresh.length === 0) parent = hash;
        if (!known) fresh.push(hash);
        this.#full.set(key, hash);
      }
    }
    // The last blocks count as used before the first, so that a prompt's end is dropped first.
    for (const key of keys.reverse()) this.#blocks.add(key);
    if (fresh.length > 0) {
      const tokens = ids.slice((whole - fresh.length) * size, whole * size);
      this.#listener?.stored({ hashes: fresh, parent, tokens });
    }
    this.#evict();
    const longest = ids.length - 1;
    return Math.min(hits * size, longest - longest % size);
  }

  /** Drop everything. */
  clear(): void {
    this.#blocks.clear();
    this.#full.clear();
    this.#listener?.cleared();
  }

  #evict(): void {
    if (this.#blocks.size <= this.#capacity) return;
    const removed: bigint[] = [];
    for (const key of this.#blocks) {
      if (this.#blocks.size <= this.#capacity) break;
      this.#blocks.delete(key);
      const hash = this.#full.get(key);
      this.#full.delete(key);
      if (hash !== undefined) removed.push(hash);
    }
    if (removed.length > 0) this.#listener?.removed(removed);
  }
}
