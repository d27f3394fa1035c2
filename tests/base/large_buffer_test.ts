import { giveBackBuffer } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("giveBackBuffer() empties a large buffer and all views of it, and leaves a small one", () => {
  const large = new Uint8Array(64 * 1024).fill(7);
  const part = large.subarray(100, 200);
  giveBackBuffer(part);
  assertEquals([large.length, part.length, large.buffer.byteLength], [0, 0, 0]);
  giveBackBuffer(part);
  const small = new Uint8Array(1_000).fill(7);
  giveBackBuffer(small);
  assertEquals([small.length, small[999]], [1_000, 7]);
});

Deno.test("giveBackBuffer() takes resizable buffers, and leaves shared ones", () => {
  const resizable = new Uint8Array(new ArrayBuffer(64 * 1024, { maxByteLength: 1024 * 1024 }));
  giveBackBuffer(resizable);
  assert(resizable.buffer.detached);
  const shared = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  giveBackBuffer(shared);
  assertEquals(shared.length, 64 * 1024);
});

Deno.test("giveBackBuffer() leaves a write that is under way what it writes", async () => {
  const file = await Deno.makeTempFile();
  try {
    using writer = await Deno.open(file, { write: true });
    const bytes = new Uint8Array(8 * 1024 * 1024).fill(7);
    const writing = writer.write(bytes);
    giveBackBuffer(bytes);
    const written = await writing;
    assertEquals([bytes.length, written > 0], [0, true]);
    assert((await Deno.readFile(file)).every((byte) => byte === 7));
  } finally {
    await Deno.remove(file);
  }
});
