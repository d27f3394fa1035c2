/** Which engine has which blocks of prompts in its cache, as its events tell. No I/O. @module */
import { encodeUtf8 } from "../base/mod.ts";
import { BlockStore } from "./block_store.ts";
import { makeKeys, rootKey } from "./block_keys.ts";
import { NOWHERE } from "./hash_slots.ts";
import {
  extraOf,
  type KvEvent,
  type RemovedBlocks,
  type StoredBlocks,
  USUAL_MEDIUM,
} from "./kv_event.ts";
import { KvPrompt, type Lane, type PromptMaking } from "./kv_prompt.ts";

/** How an index is made. */
export interface KvIndexOptions {
  /** What it may take, in bytes. */
  readonly maxBytes: number;
  /** Keys are made with it: a whole number below 2^32. */
  readonly seed: number;
}

/** Block sizes of one cache, and media beside the usual one; others are left out. */
const MAX_SIZES = 4;
const MAX_MEDIA = 8;

/** Blocks that are no more, dropped with each event. */
const SWEPT = 256;

/** One cache, as the index knows it: an engine's, or one data-parallel rank's. */
export class KvCache {
  readonly #index: KvIndex;
  readonly #store: BlockStore;
  /** At most one of each block size. */
  readonly lanes: Lane[] = [];
  readonly #media = new Map<string, number>([[USUAL_MEDIUM, 0]]);

  constructor(index: KvIndex, store: BlockStore) {
    this.#index = index;
    this.#store = store;
  }

  /** Take an event. Returns how many blocks it told of that hang on nothing known, and are left out. */
  apply(event: KvEvent): number {
    this.#store.sweep(SWEPT);
    this.#index.version++;
    switch (event.kind) {
      case "stored":
        return this.#add(event);
      case "removed":
        this.#remove(event);
        return 0;
      case "cleared":
        this.clear();
        return 0;
      default:
        return event satisfies never;
    }
  }

  /** Nothing is known of it any more. */
  clear(): void {
    this.#index.version++;
    for (const { size, lane } of this.lanes) {
      this.#store.closeLane(lane);
      this.#index.leaveSize(size);
    }
    this.lanes.length = 0;
  }

  #add(stored: StoredBlocks): number {
    const { hashes, parent, tokens, blockSize, medium, lora, extras } = stored;
    const count = hashes.length / 2;
    const lane = this.#laneOf(blockSize);
    const bit = this.#mediumOf(medium);
    if (lane === undefined || bit === undefined) return count;
    const key = new Int32Array(2);
    let before = NOWHERE;
    let [lastLow, lastHigh] = [parent?.[0] ?? 0, parent?.[1] ?? 0];
    if (parent === undefined) rootKey(this.#index.seed, blockSize, lora, key);
    else {
      before = this.#store.find(lane, lastLow, lastHigh);
      if (before === NOWHERE) return count;
      this.#store.keyOf(before, key);
    }
    const keys = { low: new Int32Array(count), high: new Int32Array(count) };
    makeKeys(key, { tokens, blockSize, extras }, { from: 0, to: count }, keys);
    for (let block = 0; block < count; block++) {
      const [keyLow, keyHigh] = [keys.low[block] as number, keys.high[block] as number];
      const [low, high] = [hashes[2 * block] as number, hashes[2 * block + 1] as number];
      let holding = this.#store.find(lane, low, high);
      if (holding !== NOWHERE && !this.#store.isAt(holding, keyLow, keyHigh)) {
        // The engine calls another block so: that one it cannot have any more, nor what is behind it.
        this.#store.drop(holding);
        holding = NOWHERE;
        const isLost = before !== NOWHERE && this.#store.find(lane, lastLow, lastHigh) !== before;
        if (isLost) return count - block;
      }
      if (holding === NOWHERE) {
        holding = this.#store.add({ lane, parent: before, keyLow, keyHigh, low, high });
      } else this.#store.touch(holding);
      if (holding === NOWHERE) return 0;
      this.#store.note(holding, bit);
      before = holding;
      [lastLow, lastHigh] = [low, high];
    }
    return 0;
  }

  #remove({ hashes, medium }: RemovedBlocks): void {
    const bit = this.#media.get(medium);
    if (bit === undefined) return;
    for (let at = 0; at < hashes.length; at += 2) {
      for (const { lane } of this.lanes) {
        const holding = this.#store.find(lane, hashes[at] ?? 0, hashes[at + 1] ?? 0);
        if (holding !== NOWHERE) this.#store.unnote(holding, bit);
      }
    }
  }

  #laneOf(size: number): number | undefined {
    const known = this.lanes.find((lane) => lane.size === size)?.lane;
    if (known !== undefined || this.lanes.length >= MAX_SIZES) return known;
    const lane = this.#store.openLane();
    if (lane === undefined) return undefined;
    this.lanes.push({ size, lane });
    this.#index.enterSize(size);
    return lane;
  }

  /** A bit for each medium; 0 for the usual one. */
  #mediumOf(medium: string): number | undefined {
    const known = this.#media.get(medium);
    if (known !== undefined || this.#media.size > MAX_MEDIA) return known;
    const bit = 1 << (this.#media.size - 1);
    this.#media.set(medium, bit);
    return bit;
  }
}

/** The caches of all engines. */
export class KvIndex {
  readonly seed: number;
  /** Another number after every change. */
  version = 0;
  readonly #store: BlockStore;
  /** Block sizes that there are, and how many caches have each. */
  readonly #sizes = new Map<number, number>();

  constructor({ maxBytes, seed }: KvIndexOptions) {
    this.seed = seed >>> 0;
    this.#store = new BlockStore(maxBytes);
  }

  /** Memory that it may come to take, in bytes. */
  get bytes(): number {
    return this.#store.bytes;
  }

  /** Blocks it has room for, has, and has dropped to have room for others. */
  get blocks(): { readonly room: number; readonly held: number; readonly evicted: number } {
    const { capacity: room, held, evicted } = this.#store;
    return { room, held, evicted };
  }

  /** A cache of which nothing is known. Clear it when it is no more. */
  open(): KvCache {
    return new KvCache(this, this.#store);
  }

  /** What there is of a prompt of `ids`, asked of one cache after the other. */
  prompt(ids: Int32Array, making: PromptMaking = {}): KvPrompt {
    const { lora = "", salt } = making;
    const extra = salt === undefined ? 0 : extraOf(encodeUtf8(salt));
    return new KvPrompt(this, this.#store, { ids, lora, extra });
  }

  /** Block sizes of caches that have something. */
  sizes(): Iterable<number> {
    return this.#sizes.keys();
  }

  /** A cache has blocks of `size`. */
  enterSize(size: number): void {
    this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
  }

  /** A cache has none any more. */
  leaveSize(size: number): void {
    const left = (this.#sizes.get(size) ?? 1) - 1;
    if (left === 0) this.#sizes.delete(size);
    else this.#sizes.set(size, left);
  }
}
