import fc from "fast-check";
import { WireReader, WireWriter } from "../../lib/gossip/wire.ts";
import { assert, assertEquals } from "../support/assert.ts";

const MAX = Number.MAX_SAFE_INTEGER;

function written(write: (to: WireWriter) => void): Uint8Array {
  const to = new WireWriter();
  write(to);
  return to.view().slice();
}

Deno.test("WireReader.uint() reads what WireWriter.uint() writes, of any size", () => {
  const numbers = [0, 1, 127, 128, 129, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 48, MAX - 1, MAX];
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...numbers), fc.maxSafeNat())), (values) => {
      const from = new WireReader(written((to) => values.forEach((value) => to.uint(value))));
      assertEquals(values.map(() => from.uint()), values);
      assert(from.ended && !from.failed);
    }),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("WireWriter.uint() writes the nearest number that there is", () => {
  const given = [-1, -0.5, NaN, 0.2, 1.5, Infinity, 2 ** 60];
  const from = new WireReader(written((to) => given.forEach((value) => to.uint(value))));
  assertEquals(given.map(() => from.uint()), [0, 0, 0, 1, 2, MAX, MAX]);
});

Deno.test("WireReader.uint() takes a number in its shortest form alone", () => {
  const wrong = [[0x80, 0x00], [0xff, 0x80, 0x00], [0x80], [], Array(9).fill(0xff)];
  for (const bytes of wrong) {
    const from = new WireReader(Uint8Array.from(bytes));
    assertEquals([from.uint(), from.failed, from.ended], [0, true, true], String(bytes));
  }
  // One more than the largest.
  const from = new WireReader(Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]));
  assertEquals([from.uint(), from.failed], [0, true]);
});

Deno.test("WireReader.text() reads texts of any kind up to its bound, and no other bytes", () => {
  const texts = [
    "",
    "a",
    "http://e:8000 e",
    "\u00e9\u4e16\ud83d\ude00",
    "\ufeffa",
    "x".repeat(5_000),
  ];
  const from = new WireReader(written((to) => texts.forEach((text) => to.text(text))));
  assertEquals(texts.map(() => from.text(5_000)), texts);
  assert(!from.failed);
  const long = new WireReader(written((to) => to.text("abc")));
  assertEquals([long.text(2), long.failed], ["", true]);
  for (const bytes of [[1, 0xff], [2, 0x61], [2, 0xc3, 0x28]]) {
    const bad = new WireReader(Uint8Array.from(bytes));
    assertEquals([bad.text(10), bad.failed], ["", true], String(bytes));
  }
});

Deno.test("WireReader gives nothing once it has failed", () => {
  const from = new WireReader(Uint8Array.from([1, 2, 3]));
  from.fail();
  assertEquals([from.byte(), from.uint(), from.text(9), from.ended], [0, 0, "", true]);
});

Deno.test("WireWriter.view() is what was written since it was begun anew", () => {
  const to = new WireWriter();
  for (let byte = 0; byte < 10_000; byte++) to.byte(byte % 256);
  assertEquals(to.view(), Uint8Array.from({ length: 10_000 }, (_, at) => at % 256));
  to.patch(1, 9);
  assertEquals(to.view()[1], 9);
  to.reset();
  to.byte(7);
  assertEquals([to.length, [...to.view()]], [1, [7]]);
});
