import { decode, encode } from "@msgpack/msgpack";
import {
  answerHandshake,
  decodeAllocResponse,
  decodeReceiverMessage,
  encodeAllocRequest,
  encodeAllocResponse,
  encodeHandshake,
  encodeKvWrite,
  encodeKvWritten,
  encodeNotification,
} from "../../lib/sim/lmcache_messages.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("encodeNotification() has the bytes msgspec makes", () => {
  const short = "82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31";
  for (const generation of ["B", "C", "D"] as const) {
    assertEquals(hex(encodeNotification(generation, "1")), short);
  }
  assertEquals(
    hex(encodeNotification("A", "1")),
    "82 a4 74 79 70 65 ae 4e 69 78 6c 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31",
  );
  assertEquals(
    hex(encodeNotification("D", "123e4567-e89b-12d3-a456-426614174000")),
    "82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 d9 24 31 32 33 65 " +
      "34 35 36 37 2d 65 38 39 62 2d 31 32 64 33 2d 61 34 35 36 2d 34 32 36 36 31 34 31 37 34 " +
      "30 30 30",
  );
});

const REQUEST = { keys: ["k1", "k2"], lastChunkTokens: 3, reqId: "r", totalChunks: 2 };

for (const generation of ["A", "B", "C", "D"] as const) {
  Deno.test(`decodeReceiverMessage() reads an allocation of its generation ${generation}`, () => {
    assertEquals(
      decodeReceiverMessage(generation, encodeAllocRequest(generation, REQUEST)),
      { kind: "alloc", keys: ["k1", "k2"] },
    );
  });
}

Deno.test("encodeAllocRequest() adds the batch fields in generation D alone", () => {
  assertEquals(Object.keys(Object(decode(encodeAllocRequest("C", REQUEST)))), [
    "type",
    "keys",
    "fmt",
    "shape",
    "dtype",
    "last_chunk_toks",
  ]);
  const { total_chunks: total, req_id: id } = Object(decode(encodeAllocRequest("D", REQUEST)));
  assertEquals([total, id], [2, "r"]);
});

Deno.test("encodeAllocResponse() swaps its fields in generation D", () => {
  const fields = (generation: "B" | "D"): string[] =>
    Object.keys(Object(decode(encodeAllocResponse(generation, [0], [1]))));
  assertEquals(fields("B"), ["type", "already_sent_indexes", "remote_indexes"]);
  assertEquals(fields("D"), ["type", "remote_indexes", "already_sent_indexes"]);
  assertEquals(decodeAllocResponse(encodeAllocResponse("D", [0, 2], [1])), [0, 2]);
});

Deno.test("decodeReceiverMessage() reads writes and cancellations", () => {
  assertEquals(decodeReceiverMessage("D", encodeKvWrite(["k"])), { kind: "write", keys: ["k"] });
  const cancel = encode({ type: "CancelNotif", req_id: "1", keys: ["k"] });
  assertEquals(hex(cancel).length, 35 * 3 - 1);
  assertEquals(decodeReceiverMessage("D", cancel), { kind: "cancel", keys: ["k"] });
  assertEquals(decode(encodeKvWritten(2)), { type: "SimKvWritten", landed: 2 });
});

const REFUSED: readonly (readonly [name: string, run: () => unknown, text: string])[] = [
  [
    "an allocation of another generation",
    () => decodeReceiverMessage("A", encodeAllocRequest("D", REQUEST)),
    "Unexpected message AllocRequest for a receiver of generation A",
  ],
  [
    "a sender that counts no chunks",
    () => decodeReceiverMessage("D", encodeAllocRequest("D", { ...REQUEST, totalChunks: 0 })),
    "total_chunks 0",
  ],
  [
    "a sender without total_chunks",
    () => decodeReceiverMessage("D", encodeAllocRequest("C", REQUEST)),
    "total_chunks 0",
  ],
  ["no keys", () => decodeReceiverMessage("D", encode({ type: "AllocRequest" })), "no list"],
  [
    "missing fields",
    () => decodeReceiverMessage("B", encode({ type: "AllocRequest", keys: [] })),
    "lacks fmt, shape or dtype",
  ],
  ["a list", () => decodeReceiverMessage("B", encode([1])), "not a msgpack map"],
  ["nothing", () => decodeReceiverMessage("B", undefined), "not a msgpack map"],
  ["an answer without indexes", () => decodeAllocResponse(encode({ type: "x" })), "lacks"],
  ["another handshake", () => answerHandshake(encode({ type: "Hello" })), "Unexpected message"],
];

for (const [name, run, text] of REFUSED) {
  Deno.test(`LMCache messages are refused: ${name}`, () => {
    assertThrows(run, Error, text);
  });
}

Deno.test("answerHandshake() answers both steps", () => {
  const types = encodeHandshake(0).map((step) => Object(decode(answerHandshake(step))).type);
  assertEquals(types, ["NixlInitResponse", "NixlMemRegResponse"]);
});
