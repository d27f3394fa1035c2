import { checkChunkKey, chunkHashes, chunkKey, tagSuffix } from "../../lib/sim/chunk_keys.ts";
import { isRecord, type JsonObject } from "../../lib/sim/json.ts";
import {
  type AllocRequest,
  decodeAllocResponse,
  decodeReceiverMessage,
  encodeAllocRequest,
  encodeAllocResponse,
  encodeCancel,
  encodeNotification,
  type ReceiverMessage,
} from "../../lib/sim/lmcache_messages.ts";
import { encodeMessage } from "../../lib/sim/zmtp.ts";
import { decodeNotice } from "../../lib/zmq/mod.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "../support/assert.ts";

/** A frame as it was on the wire: LMCache's two backends spell messages differently. */
interface Frame {
  readonly name: string;
  readonly generation: "C" | "D";
  readonly bytes: Uint8Array;
  readonly fields: JsonObject;
}

const RECORDING = new URL("./recorded_lmcache/frames.jsonl", import.meta.url);
const [HEAD = "", ...LINES] = (await Deno.readTextFile(RECORDING)).trimEnd().split("\n");
const FRAMES = LINES.map(frameOf);

function frameOf(line: string): Frame {
  const { name, backend, hex, fields } = Object(JSON.parse(line));
  assert(typeof name === "string" && typeof hex === "string" && isRecord(fields));
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  return { name, generation: backend === "async" ? "D" : "C", bytes, fields };
}

function named(name: string): readonly Frame[] {
  const frames = FRAMES.filter((frame) => frame.name === name);
  assert(frames.length > 0, `no ${name} is recorded`);
  return frames;
}

/** Frames of a message, read by the rules of ZeroMQ RFC 23 and not by the code under test. */
function bodiesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const flags = bytes[at] ?? 0;
    assertEquals(flags & ~3, 0, "no command");
    const isLong = (flags & 2) !== 0;
    const size = isLong
      ? new DataView(bytes.buffer, at + 1).getBigUint64(0)
      : BigInt(bytes[at + 1] ?? 0);
    const from = at + (isLong ? 9 : 2);
    at = from + Number(size);
    bodies.push(bytes.slice(from, at));
    assertEquals((flags & 1) !== 0, at < bytes.length, "MORE");
  }
  return bodies;
}

function bodyOf(frame: Frame): Uint8Array {
  return bodiesOf(frame.bytes).at(-1) ?? new Uint8Array(0);
}

/** The wire form of a body: alone to the router, behind a delimiter between engines. */
function onWire(name: string, body: Uint8Array): Uint8Array {
  return encodeMessage(name === "ProxyNotif" ? [body] : [new Uint8Array(0), body]);
}

function receiverMessage<Kind extends ReceiverMessage["kind"]>(
  frame: Frame,
  kind: Kind,
): Extract<ReceiverMessage, { kind: Kind }> {
  const message = decodeReceiverMessage(frame.generation, bodyOf(frame));
  assert(isKind(message, kind), `${frame.name} is read as ${message.kind}`);
  return message;
}

function isKind<Kind extends ReceiverMessage["kind"]>(
  message: ReceiverMessage,
  kind: Kind,
): message is Extract<ReceiverMessage, { kind: Kind }> {
  return message.kind === kind;
}

Deno.test("the recorded frames name the version they come from", () => {
  const { lmcache, vllm } = Object(JSON.parse(HEAD));
  assertEquals([lmcache, vllm], ["0.5.6", "0.32.0"]);
});

Deno.test("encodeNotification() and decodeNotice() agree with recorded notifications", () => {
  for (const { name, generation, bytes, fields } of named("ProxyNotif")) {
    const reqId = String(fields["req_id"]);
    assertEquals(bytes.length, 64);
    assertEquals(onWire(name, encodeNotification(generation, reqId)), bytes);
    assertEquals(decodeNotice(bodiesOf(bytes)), { kind: "kv-ready", reqId });
  }
});

Deno.test("decodeReceiverMessage() reads recorded allocations", () => {
  for (const frame of named("AllocRequest")) {
    const { fields, generation } = frame;
    const { shape, last_chunk_toks: lastChunkTokens, keys } = fields;
    assert(Array.isArray(shape));
    const batch = generation === "D"
      ? {
        reqId: fields["req_id"],
        isLastBatch: fields["is_last_batch"],
        totalChunks: fields["total_chunks"],
      }
      : { reqId: "", isLastBatch: false, totalChunks: 0 };
    const expected = { kind: "alloc", keys, firstChunkTokens: shape[2], lastChunkTokens, ...batch };
    assertEquals<unknown>(receiverMessage(frame, "alloc"), expected);
  }
});

Deno.test("encodeAllocRequest() makes the recorded bytes of the same values", () => {
  for (const frame of named("AllocRequest")) {
    const { kind: _kind, ...request } = receiverMessage(frame, "alloc");
    const typed: AllocRequest = request;
    const body = encodeAllocRequest(frame.generation, typed);
    assertEquals(onWire(frame.name, body), frame.bytes);
  }
});

Deno.test("allocation answers are read and written as recorded", () => {
  for (const frame of named("AllocResponse")) {
    const { fields, generation, bytes, name } = frame;
    const response = decodeAllocResponse(bodyOf(frame));
    const { already_sent_indexes: known, remote_indexes: pages } = fields;
    assertEquals<unknown>(response, { known, pages });
    assertEquals(onWire(name, encodeAllocResponse(generation, response)), bytes);
  }
});

Deno.test("cancellations are read and written as recorded", () => {
  for (const frame of named("CancelNotif")) {
    const { keys, reqId } = receiverMessage(frame, "cancel");
    assertEquals<unknown>([keys, reqId], [frame.fields["keys"], frame.fields["req_id"]]);
    assertEquals(onWire(frame.name, encodeCancel(reqId, keys)), frame.bytes);
    assertEquals(decodeNotice([bodyOf(frame)]), { kind: "cancelled", reqId });
  }
});

Deno.test("a message cut short is refused, whatever it is", () => {
  for (const frame of FRAMES) {
    const body = bodyOf(frame);
    for (let length = 0; length < body.length; length++) {
      const cut = body.slice(0, length);
      if (frame.name === "ProxyNotif") assertEquals(decodeNotice([cut]).kind, "garbage");
      else if (frame.name === "AllocResponse") assertThrows(() => decodeAllocResponse(cut), Error);
      else assertThrows(() => decodeReceiverMessage(frame.generation, cut), Error);
    }
  }
});

Deno.test("chunkKey() has the form of recorded keys", () => {
  const space = {
    model: "m",
    worldSize: 1,
    hashSeed: "0",
    chunkSize: 4,
    saveUnfullChunk: true,
  };
  const form = /^m@1@0@-?[1-9a-f][0-9a-f]{0,15}@float(@h%abc-1)?$/;
  const recorded = named("AllocRequest").flatMap(({ fields: { keys } }) => {
    assert(Array.isArray(keys));
    return keys.map(String);
  });
  assert(recorded.some((key) => key.endsWith("@float@h%abc-1")));
  const tags = tagSuffix({ "lmcache.tag.h": "abc-1", "lmcache.skip_save": true, disagg_spec: {} });
  const hashes = chunkHashes(Array.from({ length: 99 }, (_, id) => id), space);
  const made = hashes.flatMap((hash) => [
    chunkKey(hash, 0, space),
    chunkKey(hash, 0, space, tags),
  ]);
  for (const key of [...recorded, ...made]) {
    assert(form.test(key), key);
    checkChunkKey(key);
  }
  assertEquals(hashes.filter((hash) => hash.startsWith("-")).length > 5, true);
  assertNotEquals(made[0], made[1]);
});

Deno.test("tagSuffix() keeps the order of several tags", () => {
  assertEquals(tagSuffix({ "lmcache.tag.b": "2", "lmcache.tag.a": "1" }), "@b%2@a%1");
  assertEquals(tagSuffix({}), "");
});

const BAD_KEYS = [
  "",
  "m@1@0@ab",
  "m@one@0@ab@float",
  "m@1@0@0xab@float",
  "m@1@0@ab@bfloat16",
  "m@1@0@ab@float@tag",
  "a@b@1@0@ab@float",
];

for (const key of BAD_KEYS) {
  Deno.test(`checkChunkKey() refuses ${key === "" ? "nothing" : key}`, () => {
    assertThrows(() => checkChunkKey(key), Error, `Invalid key string: ${key}`);
  });
}
