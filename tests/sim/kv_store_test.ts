import { chunkHashes, chunkKey, type KeySpace } from "../../lib/sim/chunk_keys.ts";
import { KvStore } from "../../lib/sim/kv_store.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const SPACE: KeySpace = {
  model: "m",
  worldSize: 2,
  hashSeed: "0",
  chunkSize: 4,
  saveUnfullChunk: true,
};
const IDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

Deno.test("chunkHashes() names whole chunks and the rest exactly", () => {
  const hashes = chunkHashes(IDS, SPACE);
  assertEquals(hashes.length, 3);
  assert(hashes.every((hash) => /^-?[0-9a-f]{1,16}$/.test(hash)));
  const longer = chunkHashes([...IDS, 11], SPACE);
  assertEquals(longer.slice(0, 2), hashes.slice(0, 2));
  assertNotEquals(longer[2], hashes[2]);
});

Deno.test("chunkHashes() chains: a chunk depends on all before it", () => {
  const other = chunkHashes([9, ...IDS.slice(1)], SPACE);
  const hashes = chunkHashes(IDS, SPACE);
  for (let index = 0; index < 3; index++) assertNotEquals(other[index], hashes[index]);
});

Deno.test("chunkHashes() leaves out a last chunk that is not full when it is not saved", () => {
  const whole = { ...SPACE, saveUnfullChunk: false };
  assertEquals(chunkHashes(IDS, whole), chunkHashes(IDS, SPACE).slice(0, 2));
  assertEquals(chunkHashes([1, 2, 3], whole), []);
  assertEquals(chunkHashes(IDS.slice(0, 8), whole), chunkHashes(IDS.slice(0, 8), SPACE));
});

Deno.test("chunkHashes() differ with the hash seed", () => {
  assertNotEquals(chunkHashes(IDS, { ...SPACE, hashSeed: "1" }), chunkHashes(IDS, SPACE));
});

Deno.test("chunkKey() names model, world size, rank and type", () => {
  assertEquals(chunkKey("ab", 1, SPACE), "m@2@1@ab@float");
});

const keys = (rank: number): readonly string[] => [`${rank}a`, `${rank}b`, `${rank}c`];
const held = (store: KvStore): number => store.held(1000).heldKv;

function filled(ranks = 2): { readonly store: KvStore; readonly clock: FakeClock } {
  const clock = new FakeClock();
  const store = new KvStore(ranks, clock);
  for (let rank = 0; rank < ranks; rank++) {
    store.allocate(rank, keys(rank));
    store.land(rank, keys(rank));
  }
  return { store, clock };
}

Deno.test("KvStore finds and reads what landed on all ranks, once", () => {
  const { store } = filled();
  assertEquals(held(store), 6);
  assertEquals(store.lookup(keys), 3);
  assertEquals(held(store), 6);
  assertEquals(store.read(keys), { kind: "read", landed: true });
  assertEquals(held(store), 0);
  assertEquals(store.lookup(keys), 0);
});

Deno.test("KvStore.lookup() counts only chunks that every rank holds, from the first on", () => {
  const { store } = filled();
  assertEquals(store.lookup((rank) => keys(rank).slice(0, 2)), 2);
  store.release(1, ["1b"]);
  assertEquals(store.lookup(keys), 1);
  store.release(0, ["0a"]);
  assertEquals(store.lookup(keys), 0);
  assertEquals(store.lookup(() => []), 0);
});

Deno.test("KvStore.read() tells a page that went after the lookup", () => {
  const { store } = filled(1);
  assertEquals([store.lookup(keys), store.lookup(keys)], [3, 3]);
  assertEquals(store.read(keys).kind, "read");
  assertEquals(store.read(keys), { kind: "gone", key: "0a" });
});

Deno.test("KvStore.read() tells pages that were allocated and did not land", () => {
  const store = new KvStore(1, new FakeClock());
  store.allocate(0, ["a", "b"]);
  store.land(0, ["a"]);
  assertEquals(store.lookup(() => ["a", "b"]), 2);
  assertEquals(store.read(() => ["a", "b"]), { kind: "read", landed: false });
  assertEquals(held(store), 0);
});

Deno.test("KvStore.allocate() gives new pages addresses and known ones a reference", () => {
  const { store } = filled(1);
  assertEquals(store.allocate(0, ["0a", "0x"]), { known: [0], pages: [3] });
  assertEquals(held(store), 5);
  assertEquals(store.read(keys), { kind: "read", landed: true });
  assertEquals(store.lookup(() => ["0a"]), 1);
  assertEquals(store.read(() => ["0a"]), { kind: "read", landed: true });
  assertEquals(store.lookup(() => ["0a"]), 0);
  assertEquals(store.allocate(0, ["0a"]), { known: [], pages: [4] });
});

Deno.test("KvStore.land() counts pages that were allocated only", () => {
  const { store } = filled(1);
  assertEquals(store.land(0, ["0a", "zz"]), 1);
});

Deno.test("KvStore.held() tells pages unread for too long", async () => {
  const { store, clock } = filled(1);
  await clock.advance(900);
  store.allocate(0, ["late"]);
  assertEquals(store.held(1000), { heldKv: 4, leaked: 0 });
  await clock.advance(200);
  assertEquals(store.held(1000), { heldKv: 4, leaked: 3 });
  store.clear();
  assertEquals(store.held(1000), { heldKv: 0, leaked: 0 });
});

Deno.test("KvStore refuses a rank it does not have", () => {
  assertThrows(() => filled().store.allocate(2, ["a"]), RangeError, "No rank 2 of 2");
});
