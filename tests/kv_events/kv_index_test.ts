import { type Random, seededRandom } from "../../lib/base/mod.ts";
import { capacityFor, takenBy } from "../../lib/kv_events/block_memory.ts";
import { type KvCache, type KvEvent, KvIndex } from "../../lib/kv_events/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { NaiveCache } from "./naive_index.ts";

const BYTES = 64 * 1024;

function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[Math.floor(random.next() * items.length)] ?? items[0];
}

function hashesOf(...values: readonly number[]): Int32Array {
  return Int32Array.from(values.flatMap((value) => [Math.imul(value, 0x9e37_79b1), value]));
}

/** The hash of a prompt's block as an engine makes it: of all up to its end. */
function hashOf(ids: Int32Array, end: number, size: number, lora: string): number {
  let hash = size + lora.length;
  for (let at = 0; at < end; at++) hash = (Math.imul(hash, 31) + (ids[at] ?? 0) + 7) & 0x7fff_ffff;
  return hash;
}

/** Prompts out of few tokens, so that many begin alike. */
function promptOf(random: Random): Int32Array {
  return Int32Array.from(
    { length: 1 + Math.floor(random.next() * 24) },
    () => Math.floor(random.next() * 2),
  );
}

interface Drawn {
  readonly size: number;
  readonly lora: string;
}

/** An event as an engine might send it: of blocks of a prompt, or of hashes that it has told of. */
function eventOf(random: Random, { size, lora }: Drawn): KvEvent {
  const ids = promptOf(random);
  const blocks = Math.floor(ids.length / size);
  const from = Math.floor(random.next() * (blocks + 1));
  const hash = (block: number): number => hashOf(ids, (block + 1) * size, size, lora);
  const numbers = Array.from({ length: blocks - from }, (_, at) => hash(from + at));
  const medium = pick(random, ["GPU", "GPU", "GPU", "CPU"]);
  const chance = random.next();
  if (chance < 0.01) return { kind: "cleared" };
  if (chance < 0.4) return { kind: "removed", hashes: hashesOf(...numbers), medium };
  return {
    kind: "stored",
    hashes: hashesOf(...numbers),
    parent: from === 0 ? undefined : hashesOf(hash(from - 1)),
    tokens: ids.slice(from * size, blocks * size),
    blockSize: size,
    medium,
    lora,
    extras: undefined,
  };
}

for (let seed = 1; seed <= 20; seed++) {
  Deno.test(`KvIndex knows what a plain one knows, whatever the events, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const index = new KvIndex({ maxBytes: BYTES, seed });
    const caches: { readonly cache: KvCache; plain: NaiveCache }[] = Array.from(
      { length: 4 },
      () => ({ cache: index.open(), plain: new NaiveCache() }),
    );
    for (let round = 0; round < 400; round++) {
      const one = caches[Math.floor(random.next() * caches.length)];
      if (one === undefined) continue;
      if (random.next() < 0.01) {
        // An engine that was started anew.
        one.cache.clear();
        one.plain = new NaiveCache();
      }
      const event = eventOf(random, {
        size: pick(random, [1, 2, 4]),
        lora: pick(random, ["", "", "sql"]),
      });
      one.cache.apply(event);
      one.plain.apply(event);
      const ids = promptOf(random);
      const lora = pick(random, ["", "sql"]);
      const prompt = index.prompt(ids, { lora });
      for (const { cache, plain } of caches) {
        const expected = Math.max(...[1, 2, 4].map((size) => plain.cached(ids, size, lora)));
        assertEquals(prompt.cachedIn(cache), expected, `round ${round}`);
      }
    }
    assertEquals(index.blocks.evicted, 0);
    const live = caches.reduce((sum, { plain }) => sum + plain.size, 0);
    for (let round = 0; round < 100; round++) {
      caches[0]?.cache.apply({ kind: "removed", hashes: hashesOf(), medium: "GPU" });
    }
    assertEquals(index.blocks.held, live, "what is no more is swept");
  });
}

for (let seed = 1; seed <= 5; seed++) {
  Deno.test(`KvIndex forgets what it has no room for and never tells more than there is, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const index = new KvIndex({ maxBytes: 3_000, seed });
    const { room } = index.blocks;
    assert(index.bytes <= 3_000 && room >= 16, `${index.bytes} bytes for ${room} blocks`);
    const caches = [0, 1, 2].map(() => ({ cache: index.open(), plain: new NaiveCache() }));
    for (let round = 0; round < 3_000; round++) {
      const { cache, plain } = pick(
        random,
        [caches[0], caches[1], caches[2]] as never,
      ) as (typeof caches)[number];
      const event = eventOf(random, { size: pick(random, [1, 2]), lora: "" });
      cache.apply(event);
      plain.apply(event);
      if (random.next() < 0.002) {
        cache.clear();
        plain.apply({ kind: "cleared" });
      }
      assert(index.blocks.held <= room);
      const ids = promptOf(random);
      const prompt = index.prompt(ids);
      for (const one of caches) {
        const most = Math.max(...[1, 2].map((size) => one.plain.cached(ids, size, "")));
        assert(prompt.cachedIn(one.cache) <= most, `round ${round}`);
      }
    }
    assert(index.blocks.evicted > 0);
  });
}

function run(ids: Int32Array, size: number, name: number): KvEvent {
  const blocks = Math.floor(ids.length / size);
  return {
    kind: "stored",
    hashes: hashesOf(...Array.from({ length: blocks }, (_, at) => name * 1_000 + at)),
    parent: undefined,
    tokens: ids.slice(0, blocks * size),
    blockSize: size,
    medium: "GPU",
    lora: "",
    extras: undefined,
  };
}

function idsFrom(start: number, count = 64): Int32Array {
  return Int32Array.from({ length: count }, (_, at) => start + at);
}

Deno.test("KvIndex drops the prompt used longest ago, from its end, and keeps what is looked up", () => {
  // Room for the blocks of some prompts of 64 tokens.
  const index = new KvIndex({ maxBytes: 4_000, seed: 1 });
  const cache = index.open();
  const fits = Math.floor(index.blocks.room / 8);
  for (let name = 0; name < fits; name++) cache.apply(run(idsFrom(1_000 * name), 8, name));
  const cached = (name: number): number => index.prompt(idsFrom(1_000 * name, 65)).cachedIn(cache);
  assertEquals(Array.from({ length: fits }, (_, name) => cached(name)), new Array(fits).fill(64));
  // The first is used, the second is not.
  for (let name = fits - 1; name > 1; name--) cached(name);
  cached(0);
  const spare = index.blocks.room - 8 * fits;
  cache.apply(run(idsFrom(1_000_000, 8 * (spare + 3)), 8, 999));
  assertEquals([cached(0), cached(1)], [64, 64 - 3 * 8]);
});

Deno.test("KvIndex tells no more than the whole blocks before a prompt's last token", () => {
  const index = new KvIndex({ maxBytes: BYTES, seed: 1 });
  const cache = index.open();
  cache.apply(run(idsFrom(0), 16, 1));
  const cached = (count: number): number => index.prompt(idsFrom(0, count)).cachedIn(cache);
  assertEquals([0, 1, 16, 17, 33, 64, 65, 100].map(cached), [0, 0, 0, 16, 32, 48, 64, 64]);
});

Deno.test("KvIndex keeps a block while one of its copies or media is left", () => {
  const index = new KvIndex({ maxBytes: BYTES, seed: 1 });
  const cache = index.open();
  const stored = run(idsFrom(0, 16), 16, 1);
  const cached = (): number => index.prompt(idsFrom(0, 17)).cachedIn(cache);
  const remove = (medium: string): number => {
    cache.apply({ kind: "removed", hashes: hashesOf(1_000), medium });
    return cached();
  };
  assert(stored.kind === "stored");
  for (const medium of ["GPU", "GPU", "CPU"]) cache.apply({ ...stored, medium });
  assertEquals(["GPU", "GPU", "DISK", "CPU"].map(remove), [16, 16, 16, 0]);
});

Deno.test("KvIndex tells salted prompts, and those of adapters, from others of the same ids", () => {
  const index = new KvIndex({ maxBytes: BYTES, seed: 1 });
  const cache = index.open();
  const ids = idsFrom(0, 17);
  const stored = run(ids, 16, 1);
  assert(stored.kind === "stored");
  cache.apply({ ...stored, lora: "sql" });
  const cached = (making: { lora?: string; salt?: string }): number =>
    index.prompt(ids, making).cachedIn(cache);
  assertEquals([cached({}), cached({ lora: "sql" }), cached({ lora: "sql", salt: "a" })], [
    0,
    16,
    0,
  ]);
});

Deno.test("capacityFor() takes no more than it is given, and nearly all of it", () => {
  for (const bytes of [3_000, 1 << 20, 3 << 20, 256 << 20]) {
    const room = capacityFor(bytes);
    const taken = takenBy(room);
    assert(taken <= bytes && taken > bytes * 0.8, `${taken} of ${bytes}`);
  }
});
