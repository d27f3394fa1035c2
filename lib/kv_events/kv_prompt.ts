/** How much of one prompt each cache has. @module */
import type { BlockStore } from "./block_store.ts";
import { PromptKeys } from "./block_keys.ts";

/** What makes a prompt's blocks others than those of the same ids. */
export interface PromptMaking {
  /** The adapter asked for; empty for none. */
  readonly lora?: string;
  /** The request's `cache_salt`. */
  readonly salt?: string | undefined;
}

/** What a prompt looks at of its index. */
export interface PromptIndex {
  readonly seed: number;
  readonly version: number;
  sizes(): Iterable<number>;
}

const NOBODY: number[] = [];

/** A prompt's ids and what its first block is made of besides. */
interface PromptIds {
  readonly ids: Int32Array;
  readonly lora: string;
  readonly extra: number;
}

/** Blocks of one size in one cache. */
export interface Lane {
  /** Tokens of a block. */
  readonly size: number;
  readonly lane: number;
}

/** A cache, as far as it is looked up. */
export interface LookedUp {
  readonly lanes: readonly Lane[];
}

/**
 * One prompt's blocks. A cache that has a block has all before it, so that each looks for the last of
 * them by halves; caches that have the same are looked up together.
 */
export class KvPrompt {
  readonly #index: PromptIndex;
  readonly #store: BlockStore;
  readonly #prompt: PromptIds;
  readonly #keys = new Map<number, PromptKeys>();
  /** Blocks found, by lane. */
  #found = new Int32Array(0);
  #version = -1;
  #marks = new Uint32Array(0);
  #mark = 0;

  constructor(index: PromptIndex, store: BlockStore, prompt: PromptIds) {
    this.#index = index;
    this.#store = store;
    this.#prompt = prompt;
  }

  /** How many ids it has. */
  get length(): number {
    return this.#prompt.ids.length;
  }

  /**
   * Tokens from its beginning that `cache` has: whole blocks, and never all of the prompt, as engines
   * compute its last token in any case.
   */
  cachedIn({ lanes }: LookedUp): number {
    if (this.#version !== this.#index.version) this.#look();
    let most = 0;
    for (const { size, lane } of lanes) {
      const blocks = this.#found[lane] ?? 0;
      const usable = Math.min(blocks, Math.floor((this.length - 1) / size));
      most = Math.max(most, usable * size);
    }
    return most;
  }

  #look(): void {
    this.#version = this.#index.version;
    this.#found = new Int32Array(this.#store.lanes);
    this.#marks = new Uint32Array(this.#store.lanes);
    this.#mark = 0;
    for (const size of this.#index.sizes()) this.#lookFor(size);
  }

  #lookFor(blockSize: number): void {
    const keys = this.#keysOf(blockSize);
    if (keys.count === 0) return;
    keys.upTo(0);
    const lanes = this.#store.holdersOf(keys.low[0] ?? 0, keys.high[0] ?? 0);
    if (lanes.length > 0) this.#search(keys, lanes, 0, keys.count, 1);
  }

  /**
   * Find the last block of each of `lanes`, all of which have `has` and none of which has `lacks`. While
   * nothing is known of what they lack, steps forward double.
   */
  #search(keys: PromptKeys, lanes: number[], has: number, lacks: number, step: number): void {
    let [low, high, stride] = [has, lacks, step];
    while (high - low > 1) {
      const middle = stride > 0 ? Math.min(low + stride, high - 1) : (low + high) >>> 1;
      keys.upTo(middle);
      // Whoever has a block has those before it: where as many have it, they are the same.
      const [yes, no] = this.#sumAt(keys, middle) === this.#sumAt(keys, low)
        ? [lanes, NOBODY]
        : this.#split(keys, lanes, middle);
      if (no.length === 0) {
        low = middle;
        stride *= 2;
        continue;
      }
      if (yes.length > 0) this.#search(keys, yes, middle, high, 2 * stride);
      lanes = no;
      high = middle;
      stride = 0;
    }
    for (const lane of lanes) this.#found[lane] = low + 1;
    this.#store.touchHolders(keys.low[low] ?? 0, keys.high[low] ?? 0);
  }

  /** Those of `lanes` that have a block, and those that do not. */
  #split(
    keys: PromptKeys,
    lanes: number[],
    block: number,
  ): readonly [yes: number[], no: number[]] {
    const mark = ++this.#mark;
    const marks = this.#marks;
    const count = this.#store.markHolders(
      keys.low[block] ?? 0,
      keys.high[block] ?? 0,
      marks,
      mark,
    );
    if (count === 0) return [[], lanes];
    const yes: number[] = [];
    const no: number[] = [];
    for (const lane of lanes) (marks[lane] === mark ? yes : no).push(lane);
    return [yes, no];
  }

  #sumAt({ low, high }: PromptKeys, block: number): number {
    return this.#store.holderSum(low[block] ?? 0, high[block] ?? 0);
  }

  #keysOf(blockSize: number): PromptKeys {
    let keys = this.#keys.get(blockSize);
    if (keys === undefined) {
      const { ids, lora, extra } = this.#prompt;
      keys = new PromptKeys(ids, { seed: this.#index.seed, blockSize, lora, extra });
      this.#keys.set(blockSize, keys);
    }
    return keys;
  }
}
