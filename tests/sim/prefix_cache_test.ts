import { PrefixCache, type StoredBlocks } from "../../lib/sim/prefix_cache.ts";
import { assertEquals } from "../support/assert.ts";

function range(length: number, from = 0): number[] {
  return Array.from({ length }, (_, index) => from + index);
}

interface Told {
  readonly stored: StoredBlocks[];
  readonly removed: bigint[];
  cleared: number;
}

function told(): {
  readonly log: Told;
  readonly cache: (capacity: number) => PrefixCache;
} {
  const log: Told = { stored: [], removed: [], cleared: 0 };
  const listener = {
    stored: (blocks: StoredBlocks) => void log.stored.push(blocks),
    removed: (hashes: readonly bigint[]) => void log.removed.push(...hashes),
    cleared: () => void log.cleared++,
  };
  return { log, cache: (capacity) => new PrefixCache(4, capacity, listener) };
}

Deno.test("PrefixCache.admit() finds whole blocks of an earlier prompt", () => {
  const cache = new PrefixCache(4, 100);
  assertEquals(cache.admit(range(10)), 0);
  assertEquals(cache.admit(range(10)), 8);
  assertEquals(cache.admit([...range(6), 99, 99, 99]), 4);
  assertEquals(cache.admit(range(3)), 0);
});

Deno.test("PrefixCache.admit() never finds all of a prompt", () => {
  const cache = new PrefixCache(4, 100);
  cache.admit(range(8));
  assertEquals(cache.admit(range(8)), 4);
  assertEquals(cache.admit(range(4)), 0);
});

Deno.test("PrefixCache tells new blocks with their parent and tokens", () => {
  const { log, cache } = told();
  const prefixes = cache(100);
  prefixes.admit(range(8));
  prefixes.admit(range(12));
  prefixes.admit(range(12));
  assertEquals(log.stored.map(({ tokens }) => tokens), [range(8), range(4, 8)]);
  assertEquals(log.stored[0]?.parent, undefined);
  assertEquals(log.stored[1]?.parent, log.stored[0]?.hashes[1]);
});

Deno.test("PrefixCache drops the least used prompt's end first, and tells it", () => {
  const { log, cache } = told();
  const prefixes = cache(4);
  prefixes.admit(range(12));
  prefixes.admit(range(8, 100));
  assertEquals(prefixes.size, 4);
  assertEquals(log.removed, [log.stored[0]?.hashes[2]]);
  assertEquals(prefixes.admit(range(12)), 8);
});

Deno.test("PrefixCache.clear() forgets all and tells it", () => {
  const { log, cache } = told();
  const prefixes = cache(10);
  prefixes.admit(range(8));
  prefixes.clear();
  assertEquals([prefixes.size, log.cleared, prefixes.admit(range(9))], [0, 1, 0]);
});
