import { concatBytes, RouterError } from "../../lib/base/mod.ts";
import { encodeFrame, FRAME, type Frame, MAX_PAYLOAD } from "../../lib/workers/frame.ts";
import { FrameReader } from "../../lib/workers/frame_reader.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { bytes } from "./support.ts";

const FRAMES: readonly Frame[] = [
  { kind: FRAME.ping, payload: new Uint8Array(0) },
  { kind: FRAME.notice, payload: bytes("one") },
  { kind: FRAME.tell, payload: new Uint8Array(5_000).fill(7) },
  { kind: FRAME.pong, payload: new Uint8Array(0) },
  { kind: FRAME.lines, payload: bytes("last") },
];
const WIRE = concatBytes(FRAMES.map(({ kind, payload }) => encodeFrame(kind, payload)));

function read(chunks: Iterable<Uint8Array>): readonly Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    for (const { kind, payload } of reader.push(chunk)) {
      frames.push({ kind, payload: payload.slice() });
    }
  }
  assert(!reader.broken);
  return frames;
}

Deno.test("FrameReader gives the same frames whole, byte by byte and at any cuts", () => {
  for (const { name, pieces } of allCuts(WIRE, 20)) assertEquals(read(pieces), FRAMES, name);
});

Deno.test("FrameReader knows a frame that has not come to its end", () => {
  const reader = new FrameReader();
  assertEquals([...reader.push(WIRE.subarray(0, WIRE.length - 1))].length, FRAMES.length - 1);
  assert(reader.broken);
});

Deno.test("FrameReader refuses a length that nobody sends, and a kind that there is not", () => {
  const long = new Uint8Array([0xff, 0xff, 0xff, 0xff, FRAME.data, 0]);
  assertThrows(() => [...new FrameReader().push(long)], RouterError, "4294967295 bytes");
  const odd = new Uint8Array([0, 0, 0, 0, 250]);
  assertThrows(() => [...new FrameReader().push(odd)], RouterError, "kind 250");
});

Deno.test("encodeFrame() refuses what no reader takes", () => {
  const most = new Uint8Array(MAX_PAYLOAD);
  assertEquals(encodeFrame(FRAME.data, most).length, MAX_PAYLOAD + 5);
  assertThrows(() => encodeFrame(FRAME.data, most, Uint8Array.of(1)), RouterError, "at once");
});
