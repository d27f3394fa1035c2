import { decode, encode } from "@msgpack/msgpack";
import {
  answerHandshake,
  decodeAgent,
  decodeAllocResponse,
  decodeKvWritten,
  decodeReceiverMessage,
  encodeAllocRequest,
  encodeAllocResponse,
  encodeCancel,
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

const KEYS = ["m@1@0@ab@float", "m@1@0@-cd@float"];
const REQUEST = {
  keys: KEYS,
  firstChunkTokens: 64,
  lastChunkTokens: 3,
  reqId: "r",
  isLastBatch: true,
  totalChunks: 2,
};

for (const generation of ["A", "B", "C", "D"] as const) {
  Deno.test(`decodeReceiverMessage() reads an allocation of its generation ${generation}`, () => {
    const batch = generation === "D" ? {} : { reqId: "", isLastBatch: false, totalChunks: 0 };
    assertEquals(
      decodeReceiverMessage(generation, encodeAllocRequest(generation, REQUEST)),
      { kind: "alloc", ...REQUEST, ...batch },
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
    Object.keys(Object(decode(encodeAllocResponse(generation, { known: [0], pages: [1] }))));
  assertEquals(fields("B"), ["type", "already_sent_indexes", "remote_indexes"]);
  assertEquals(fields("D"), ["type", "remote_indexes", "already_sent_indexes"]);
  const response = { known: [0, 2], pages: [7] };
  assertEquals(decodeAllocResponse(encodeAllocResponse("D", response)), response);
  assertEquals(decodeAllocResponse(encode({ remote_indexes: [-1] })), { known: [], pages: [-1] });
});

Deno.test("decodeReceiverMessage() reads writes and cancellations", () => {
  assertEquals(
    decodeReceiverMessage("D", encodeKvWrite(["k"], "me")),
    { kind: "write", keys: ["k"], agent: "me" },
  );
  const cancel = encode({ type: "CancelNotif", req_id: "1", keys: ["k"] });
  assertEquals(hex(cancel).length, 35 * 3 - 1);
  assertEquals(encodeCancel("1", ["k"]), cancel);
  assertEquals(decodeReceiverMessage("D", cancel), { kind: "cancel", keys: ["k"], reqId: "1" });
  assertEquals(decodeKvWritten(encodeKvWritten(2)), 2);
  assertThrows(() => decodeKvWritten(encodeKvWritten(undefined)), Error, "REMOTE_DISCONNECT");
});

const REFUSED: readonly (readonly [name: string, run: () => unknown, text: string])[] = [
  [
    "an allocation of another generation",
    () => decodeReceiverMessage("A", encodeAllocRequest("D", REQUEST)),
    "Unexpected message AllocRequest for a receiver of generation A",
  ],
  [
    "a cancellation in a generation that has none",
    () => decodeReceiverMessage("C", encodeCancel("r", KEYS)),
    "Unexpected message CancelNotif for a receiver of generation C",
  ],
  [
    "keys that cannot be read",
    () => decodeReceiverMessage("D", encodeAllocRequest("D", { ...REQUEST, keys: ["k"] })),
    "Invalid key string: k",
  ],
  [
    "a number for a request id",
    () => decodeReceiverMessage("D", encode({ type: "CancelNotif", req_id: 1, keys: [] })),
    "another req_id",
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
  [
    "an answer with indexes that are none",
    () => decodeAllocResponse(encode({ already_sent_indexes: [-1], remote_indexes: [] })),
    "wrong already_sent_indexes",
  ],
  [
    "another handshake",
    () => answerHandshake(encode({ type: "Hello" }), "a"),
    "Unexpected message",
  ],
  ["a handshake without a name", () => decodeAgent(encode({ type: "x" })), "lacks remote_agent"],
];

for (const [name, run, text] of REFUSED) {
  Deno.test(`LMCache messages are refused: ${name}`, () => {
    assertThrows(run, Error, text);
  });
}

Deno.test("answerHandshake() answers both steps", () => {
  const [hello, ready] = encodeHandshake(0).map((step) => answerHandshake(step, "agent"));
  assertEquals(decodeAgent(hello), "agent");
  assertEquals(Object(decode(ready ?? new Uint8Array(0))).type, "NixlMemRegResponse");
});
