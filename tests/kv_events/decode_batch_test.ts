import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { decodeBatch, GroupFilter, type KvBatch } from "../../lib/kv_events/decode_batch.ts";
import type { KvEvent, StoredBlocks } from "../../lib/kv_events/mod.ts";
import { KindError, MsgpackError } from "../../lib/kv_events/msgpack_reader.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { hex } from "../zmq/support.ts";

const HASH = 0x1122334455667788n;

/** Bytes of msgspec 0.19 for one store of two tokens, as an array and as a map. */
const ARRAY = hex(
  `93 cb 3f f8 00 00 00 00 00 00 91 9c ab 42 6c 6f 63 6b 53 74 6f 72 65 64 91 cf 11 22 33 44 55 66 77
   88 c0 92 01 02 02 c0 a3 47 50 55 c0 c0 c0 c0 c0 00`,
);
const MAP = hex(
  `93 cb 3f f8 00 00 00 00 00 00 91 88 a4 74 79 70 65 ab 42 6c 6f 63 6b 53 74 6f 72 65 64 ac 62 6c 6f
   63 6b 5f 68 61 73 68 65 73 91 cf 11 22 33 44 55 66 77 88 b1 70 61 72 65 6e 74 5f 62 6c 6f 63 6b 5f
   68 61 73 68 c0 a9 74 6f 6b 65 6e 5f 69 64 73 92 01 02 aa 62 6c 6f 63 6b 5f 73 69 7a 65 02 a7 6c 6f
   72 61 5f 69 64 c0 a6 6d 65 64 69 75 6d a3 47 50 55 a9 6c 6f 72 61 5f 6e 61 6d 65 c0 00`,
);
const REMOVED = hex(
  `93 cb 3f f8 00 00 00 00 00 00 91 94 ac 42 6c 6f 63 6b 52 65 6d 6f 76 65 64 91 cf 11 22 33 44 55 66
   77 88 a3 47 50 55 c0 00`,
);
const CLEARED = hex(
  `93 cb 3f f8 00 00 00 00 00 00 91 81 a4 74 79 70 65 b0 41 6c 6c 42 6c 6f 63 6b 73 43 6c 65 61 72 65
   64 00`,
);

const STORED = {
  kind: "stored",
  hashes: [0x55667788, 0x11223344],
  parent: undefined,
  tokens: [1, 2],
  blockSize: 2,
  medium: "GPU",
  lora: "",
  extras: undefined,
};

/** An event with lists in place of typed arrays. */
function plain(event: KvEvent | undefined): unknown {
  if (event === undefined || event.kind === "cleared") return event;
  const lists = Object.entries(event).map(([key, value]: [string, unknown]) =>
    [key, ArrayBuffer.isView(value) ? [...value as Int32Array] : value] as const
  );
  return Object.fromEntries(lists);
}

function batchOf(...events: readonly unknown[]): Uint8Array {
  return encode([1.5, events, 0], { useBigInt64: true });
}

function one(event: unknown, groups?: GroupFilter): KvBatch {
  return decodeBatch(batchOf(event), groups);
}

function stored(event: unknown): StoredBlocks {
  const [found] = one(event).events;
  assert(found?.kind === "stored");
  return found;
}

const MAPPED = {
  type: "BlockStored",
  block_hashes: [HASH],
  parent_block_hash: null,
  token_ids: [1, 2],
  block_size: 2,
  lora_id: null,
  medium: "GPU",
  lora_name: null,
};

for (
  const [name, payload, expected] of [
    ["a store as an array", ARRAY, STORED],
    ["a store as a map", MAP, STORED],
    [
      "a store of the first generation, without medium",
      batchOf(["BlockStored", [HASH], null, [1, 2], 2, null]),
      STORED,
    ],
    ["a batch that is a map", encode({ ts: 1, events: [MAPPED] }, { useBigInt64: true }), STORED],
    [
      "a batch without a rank",
      encode([1.5, [MAPPED]], { useBigInt64: true }),
      STORED,
    ],
    [
      "hashes that are bytes",
      batchOf({ ...MAPPED, block_hashes: [hex(`${"ff".repeat(24)} 11 22 33 44 55 66 77 88`)] }),
      STORED,
    ],
    ["a removal", REMOVED, { kind: "removed", hashes: [0x55667788, 0x11223344], medium: "GPU" }],
    ["a clear", CLEARED, { kind: "cleared" }],
    ["a clear as an array", batchOf(["AllBlocksCleared"]), { kind: "cleared" }],
  ] as const
) {
  Deno.test(`decodeBatch() reads ${name}`, () => {
    const { events, ignored, malformed } = decodeBatch(payload);
    assertEquals([events.map(plain), ignored, malformed], [[expected], 0, 0]);
  });
}

Deno.test("decodeBatch() tells hashes apart by all 64 bits, small and negative ones too", () => {
  const hashes = [1n, 2n ** 64n - 1n, 2n ** 53n + 1n, 255, -1, -300, 70_000];
  const found = stored({
    ...MAPPED,
    block_hashes: hashes,
    token_ids: hashes.map(() => 7),
    block_size: 1,
  });
  assertEquals([...found.hashes], [
    ...[1, 0],
    ...[-1, -1],
    ...[1, 2 ** 21],
    ...[255, 0],
    ...[-1, -1],
    ...[-300, -1],
    ...[70_000, 0],
  ]);
});

Deno.test("decodeBatch() passes over kinds and fields that it does not know", () => {
  const { events, ignored, malformed } = decodeBatch(batchOf(
    ["BlockMigrated", [HASH], { to: [1, [2, { three: new Uint8Array(300) }]] }],
    { type: "Other", data: [1, 2, 3] },
    { ...MAPPED, session_id: "s", ownership: { a: [1.5, null, true] } },
    [
      "BlockStored",
      [HASH],
      null,
      [1, 2],
      2,
      null,
      "GPU",
      null,
      null,
      0,
      null,
      null,
      "LOCAL",
      "x",
      9,
    ],
  ));
  assertEquals([events.map(plain), ignored, malformed], [[STORED, STORED], 2, 0]);
});

for (
  const [name, event] of [
    ["a token that is text", { ...MAPPED, token_ids: [1, "2"] }],
    ["too few tokens", { ...MAPPED, token_ids: [1] }],
    ["no hashes", { ...MAPPED, block_hashes: null }],
    ["blocks of no tokens", { ...MAPPED, block_size: 0, block_hashes: [], token_ids: [] }],
    ["hashes that are texts", { ...MAPPED, block_hashes: ["a"] }],
    ["extras of other blocks", { ...MAPPED, extra_keys: [null, null] }],
    ["no type", { block_hashes: [] }],
    ["no event", 7],
  ] as const
) {
  Deno.test(`decodeBatch() leaves out an event with ${name}, and reads the next`, () => {
    const { events, ignored, malformed } = decodeBatch(batchOf(event, MAPPED));
    assertEquals([events.map(plain), ignored + malformed], [[STORED], 1]);
  });
}

for (
  const [name, payload, type] of [
    ["what is cut short", ARRAY.slice(0, -3), MsgpackError],
    ["an endless list", hex("93 c0 dd ff ff ff ff"), MsgpackError],
    ["a byte of no kind", hex("93 c0 91 c1"), MsgpackError],
    ["a text", encode("batch"), KindError],
    ["a map without events", encode({ ts: 1 }), KindError],
  ] as const
) {
  Deno.test(`decodeBatch() throws for ${name}`, () => {
    assertThrows<Error>(() => decodeBatch(payload), type);
  });
}

Deno.test("decodeBatch() tells adapters and salts apart, and the adapter's name not twice", () => {
  const lora = { ...MAPPED, lora_id: 3, lora_name: "sql" };
  const plainExtras = stored({ ...lora, extra_keys: [["sql"]] });
  assertEquals([plainExtras.lora, plainExtras.extras], ["sql", undefined]);
  const salted = stored({ ...lora, extra_keys: [["sql", "salt"]] }).extras;
  assertEquals(salted, stored({ ...MAPPED, extra_keys: [["salt"]] }).extras);
  assert(salted !== undefined && salted[0] !== 0);
  const other = stored({ ...MAPPED, extra_keys: [["other"]] }).extras;
  assert(other?.[0] !== salted[0]);
  const images = stored({ ...MAPPED, extra_keys: [[["a1", 5]]] }).extras;
  assert(
    images !== undefined &&
      images[0] !== stored({ ...MAPPED, extra_keys: [[["a1", 6]]] }).extras?.[0],
  );
});

Deno.test("decodeBatch() ignores adapters that have a number alone, and what lies elsewhere", () => {
  for (const event of [{ ...MAPPED, lora_id: 3 }, { ...MAPPED, locality: "REMOTE" }]) {
    assertEquals(one(event), { events: [], ignored: 1, malformed: 0 });
  }
});

Deno.test("decodeBatch() follows one group of layers, the first that keeps all of a prompt", () => {
  const groups = new GroupFilter();
  const of = (group_idx: number, kind: string, window: number | null = null): unknown => ({
    ...MAPPED,
    group_idx,
    kv_cache_spec_kind: kind,
    kv_cache_spec_sliding_window: window,
  });
  const removal = (group_idx: number): unknown => ({
    type: "BlockRemoved",
    block_hashes: [HASH],
    medium: "GPU",
    group_idx,
  });
  const counts = [
    of(0, "sliding_window", 128),
    of(1, "full_attention"),
    of(2, "full_attention"),
    of(3, "mamba"),
    removal(0),
    removal(1),
  ].map((event) => one(event, groups).events.length);
  assertEquals(counts, [0, 1, 0, 0, 0, 1]);
});

Deno.test("decodeBatch() ends any bytes in a batch or an error of its own", () => {
  const mutated = fc.tuple(
    fc.constantFrom(ARRAY, MAP, REMOVED, CLEARED, batchOf({ ...MAPPED, extra_keys: [["a", 1]] })),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
  ).map(([bytes, changes]) => {
    const copy = bytes.slice();
    for (const [at, byte] of changes) copy[at % copy.length] = byte;
    return copy;
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
      try {
        const { events, ignored, malformed } = decodeBatch(bytes);
        assert(events.length + ignored + malformed <= bytes.length);
      } catch (error) {
        assert(error instanceof MsgpackError || error instanceof KindError, String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
