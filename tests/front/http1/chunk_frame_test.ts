import { decodeUtf8, encodeUtf8 } from "../../../lib/base/mod.ts";
import {
  beginChunk,
  endLine,
  LAST_CHUNK,
  MAX_FRAME_BYTES,
} from "../../../lib/front/http1/chunk_frame.ts";
import { ChunkedBody } from "../../../lib/http1/mod.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { decode } from "../../http1/support/windows.ts";

Deno.test("beginChunk() writes the size in as few digits as there are", () => {
  for (const size of [1, 9, 10, 15, 16, 255, 256, 4095, 4096, 65_535, 2 ** 31, 2 ** 52]) {
    const bytes = new Uint8Array(40);
    const end = beginChunk(bytes, 3, size);
    assertEquals(decodeUtf8(bytes.subarray(3, end)), `${size.toString(16)}\r\n`);
    assert(end - 3 + 2 <= MAX_FRAME_BYTES);
  }
});

Deno.test("beginChunk(), endLine() and LAST_CHUNK are what a strict decoder reads", () => {
  const bytes = new Uint8Array(200);
  let at = 0;
  for (const text of ["a", "bc".repeat(20), "d"]) {
    at = beginChunk(bytes, at, text.length);
    bytes.set(encodeUtf8(text), at);
    at = endLine(bytes, at + text.length);
  }
  bytes.set(LAST_CHUNK, at);
  at += LAST_CHUNK.length;
  const read = decode(new ChunkedBody({ strict: true }), [bytes.slice(0, at)], true);
  assertEquals([decodeUtf8(read.data), read.done, read.error, read.left], [
    `a${"bc".repeat(20)}d`,
    true,
    undefined,
    0,
  ]);
});
