import { concatBytes, seededRandom } from "../../../lib/base/mod.ts";
import { Slab } from "../../../lib/front/http1/slab.ts";
import { ByteWindow } from "../../../lib/http1/mod.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Bytes that tell where they are from. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

Deno.test("Slab hands out what came, in order, whatever the sizes of reads", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed);
    const body = pattern(1 + Math.floor(random.next() * 600_000));
    const slab = new Slab(body.length, 8192);
    const taken: Uint8Array[] = [];
    let at = 0;
    while (!slab.done) {
      const space = slab.space();
      const size = Math.min(Math.ceil(random.next() * 70_000), space.length);
      space.set(body.subarray(at, at + size));
      slab.arrived(size);
      at += size;
      assertEquals(slab.left, body.length - taken.reduce((all, { length }) => all + length, 0));
      if (size > 0 && random.next() < 0.3) continue;
      const bytes = slab.take();
      if (bytes !== undefined) taken.push(bytes);
    }
    assertEquals([slab.complete, slab.left, slab.take()], [true, 0, undefined]);
    // What was handed out first is as it was.
    assert(concatBytes(taken).every((byte, index) => byte === body[index]), `seed ${seed}`);
    assertEquals(concatBytes(taken).length, body.length);
  }
});

Deno.test("Slab has no room while a whole buffer has not been taken", () => {
  const slab = new Slab(1_000_000, 8192);
  const first = slab.space().length;
  assertEquals(first, 16 * 1024);
  slab.arrived(first);
  assertEquals(slab.space().length, 0);
  assertEquals(slab.take()?.length, first);
  assertEquals(slab.space().length, 32 * 1024);
});

Deno.test("Slab reads on in one buffer for the whole body once a quarter of it has come", () => {
  const body = pattern(1_000_000);
  const slab = new Slab(body.length, 8192);
  let at = 0;
  let whole: ArrayBufferLike | undefined;
  while (!slab.done) {
    const space = slab.space();
    space.set(body.subarray(at, at + space.length));
    slab.arrived(space.length);
    const bytes = slab.take();
    assert(bytes);
    const placed = bytes.buffer.byteLength === body.length && bytes.byteOffset === at;
    assertEquals(placed, at >= body.length / 4, `at ${at}`);
    // What is kept is less than four times what has come.
    assert(bytes.buffer.byteLength <= 4 * (at + bytes.length));
    if (placed) assert((whole ??= bytes.buffer) === bytes.buffer);
    at += bytes.length;
  }
  assert(whole);
  const tail = new Uint8Array(whole).subarray(600_000);
  assert(tail.every((byte, index) => byte === body[600_000 + index]));
});

Deno.test("Slab has no room behind the body", () => {
  const slab = new Slab(100, 8192);
  assertEquals(slab.space().length, 100);
  slab.arrived(60);
  assertEquals([slab.space().length, slab.complete], [40, false]);
  slab.arrived(40);
  assertEquals([slab.space().length, slab.complete, slab.done], [0, true, false]);
  slab.take();
  assertEquals([slab.space().length, slab.done], [0, true]);
});

Deno.test("Slab.fillFrom() takes the body's bytes of a window alone", () => {
  const window = new ByteWindow(64);
  window.bytes.set(pattern(64));
  window.start = 10;
  window.end = 50;
  const slab = new Slab(25, 64);
  slab.fillFrom(window);
  assertEquals([window.start, window.end], [35, 50]);
  assertEquals(slab.take(), pattern(35).slice(10));
  slab.fillFrom(window);
  assertEquals([window.start, slab.done], [35, true]);
});

Deno.test("Slab.fillFrom() takes the rest of a window that a read was pending for", () => {
  const window = new ByteWindow(40_000);
  const body = pattern(40_000);
  window.bytes.set(body);
  window.end = 30_000;
  const slab = new Slab(1_000_000, window.bytes.length);
  slab.fillFrom(window);
  window.end = 40_000;
  slab.fillFrom(window);
  assertEquals([window.start, window.end], [40_000, 40_000]);
  assertEquals(slab.take(), body);
});
