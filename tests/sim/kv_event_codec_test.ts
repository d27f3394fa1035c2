import { encodeEventBatch, type KvEvent } from "../../lib/sim/kv_event_codec.ts";
import { assertEquals } from "../support/assert.ts";

const STORED: KvEvent = {
  kind: "stored",
  hashes: [0x1122334455667788n],
  parent: undefined,
  tokens: [1, 2],
  blockSize: 2,
};
const REMOVED: KvEvent = { kind: "removed", hashes: [0x1122334455667788n] };
const TS = "cb 3f f8 00 00 00 00 00 00";
const HASH = "cf 11 22 33 44 55 66 77 88";

const VECTORS: readonly (readonly [event: KvEvent, encoding: "array" | "map", hex: string])[] = [
  [
    STORED,
    "array",
    `93 ${TS} 91 9c ab 42 6c 6f 63 6b 53 74 6f 72 65 64 91 ${HASH} c0 92 01 02 02 c0 a3 47 50 55 ` +
    "c0 c0 c0 c0 c0 00",
  ],
  [
    STORED,
    "map",
    `93 ${TS} 91 88 a4 74 79 70 65 ab 42 6c 6f 63 6b 53 74 6f 72 65 64 ac 62 6c 6f 63 6b 5f 68 ` +
    `61 73 68 65 73 91 ${HASH} b1 70 61 72 65 6e 74 5f 62 6c 6f 63 6b 5f 68 61 73 68 c0 a9 74 6f ` +
    "6b 65 6e 5f 69 64 73 92 01 02 aa 62 6c 6f 63 6b 5f 73 69 7a 65 02 a7 6c 6f 72 61 5f 69 64 " +
    "c0 a6 6d 65 64 69 75 6d a3 47 50 55 a9 6c 6f 72 61 5f 6e 61 6d 65 c0 00",
  ],
  [
    REMOVED,
    "array",
    `93 ${TS} 91 94 ac 42 6c 6f 63 6b 52 65 6d 6f 76 65 64 91 ${HASH} a3 47 50 55 c0 00`,
  ],
  [
    { kind: "cleared" },
    "map",
    `93 ${TS} 91 81 a4 74 79 70 65 b0 41 6c 6c 42 6c 6f 63 6b 73 43 6c 65 61 72 65 64 00`,
  ],
];

for (const [event, encoding, hex] of VECTORS) {
  Deno.test(`encodeEventBatch() has msgspec's bytes for ${event.kind} as ${encoding}`, () => {
    const bytes = encodeEventBatch(1.5, event, encoding);
    assertEquals([...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" "), hex);
  });
}

Deno.test("encodeEventBatch() writes whole seconds as a float too", () => {
  assertEquals(encodeEventBatch(2, { kind: "cleared" }, "array")[1], 0xcb);
});

Deno.test("encodeEventBatch() can make the batch a map", () => {
  const bytes = encodeEventBatch(1.5, { kind: "cleared" }, "map-batch");
  assertEquals([bytes[0], bytes[1], bytes[2], bytes[3]], [0x83, 0xa2, 0x74, 0x73]);
});
