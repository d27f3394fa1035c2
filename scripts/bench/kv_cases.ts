/** Lookups in the index of cached blocks, and events into it. @module */
import { type KvCache, type KvEvent, KvIndex } from "../../lib/kv_events/mod.ts";
import type { Timed } from "./timing.ts";

/** Tokens of the prompt, and of a block. */
export const PROMPT_TOKENS = 100_000;
const BLOCK = 16;

const INDEX_BYTES = 64 * 1024 * 1024;

/** Who has what of the prompt, in tokens, among so many engines. */
export interface KvCase {
  readonly name: string;
  readonly engines: number;
  /** What all have of it, and what the first has besides. */
  readonly all: number;
  readonly first: number;
}

/** What is measured. */
export const KV_CASES: readonly KvCase[] = [
  { name: "nobody has any", engines: 2, all: 0, first: 0 },
  { name: "one has half", engines: 2, all: 0, first: PROMPT_TOKENS / 2 },
  { name: "one has all", engines: 2, all: 0, first: PROMPT_TOKENS },
  { name: "8 have all", engines: 8, all: PROMPT_TOKENS, first: 0 },
  { name: "64 have the first 1,000, one all", engines: 64, all: 1_008, first: PROMPT_TOKENS },
  {
    name: "1,024 have the first 1,000, one half",
    engines: 1_024,
    all: 1_008,
    first: PROMPT_TOKENS / 2,
  },
];

/** An index as `one` says, and the prompt. */
export interface KvBench {
  readonly index: KvIndex;
  readonly caches: readonly KvCache[];
  readonly ids: Int32Array;
}

/** Fill an index. */
export function kvBench({ engines, all, first }: KvCase): KvBench {
  const index = new KvIndex({ maxBytes: INDEX_BYTES, seed: 1 });
  const ids = Int32Array.from({ length: PROMPT_TOKENS }, (_, at) => Math.imul(at, 7_919) >>> 15);
  const caches = Array.from({ length: engines }, () => index.open());
  for (const cache of caches) cache.apply(storedOf(ids, all));
  caches[0]?.apply(storedOf(ids, first));
  return { index, caches, ids };
}

/** One lookup: of a new prompt, by all engines. */
export function kvLookup({ index, caches, ids }: KvBench): Timed {
  return {
    run: () => {
      const prompt = index.prompt(ids);
      let most = 0;
      for (const cache of caches) most = Math.max(most, prompt.cachedIn(cache));
      return most;
    },
  };
}

/** The event of so many tokens of a prompt. */
export function storedOf(ids: Int32Array, tokens: number): KvEvent {
  const blocks = Math.floor(tokens / BLOCK);
  const hashes = new Int32Array(2 * blocks);
  for (let block = 0; block < blocks; block++) {
    hashes[2 * block] = Math.imul(block + 1, 0x9e37_79b1);
    hashes[2 * block + 1] = block;
  }
  return {
    kind: "stored",
    hashes,
    parent: undefined,
    tokens: ids.subarray(0, blocks * BLOCK),
    blockSize: BLOCK,
    medium: "GPU",
    lora: "",
    extras: undefined,
  };
}
