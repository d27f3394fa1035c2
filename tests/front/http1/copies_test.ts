import { Copies } from "../../../lib/front/http1/copies.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("Copies.copy() makes copies that stay as they are", () => {
  const copies = new Copies();
  const source = new Uint8Array(20_000);
  const sizes = [0, 1, 1000, 4096, 4097, 16_384, 20_000];
  const made: { copy: Uint8Array; byte: number }[] = [];
  for (let byte = 1; byte < 200; byte++) {
    source.fill(byte);
    const size = sizes[byte % sizes.length] ?? 0;
    const start = source.length - size;
    const copy = copies.copy(source, start, source.length);
    assertEquals(copy.length, size);
    made.push({ copy, byte });
  }
  source.fill(0);
  for (const { copy, byte } of made) assert(copy.every((each) => each === byte), `${byte}`);
});

Deno.test("Copies.copy() has small copies share buffers, and large ones none", () => {
  const copies = new Copies();
  const source = new Uint8Array(10_000);
  const small = Array.from({ length: 64 }, () => copies.copy(source, 0, 1000));
  const buffers = new Set(small.map(({ buffer }) => buffer));
  assertEquals(buffers.size, 4);
  assertEquals(copies.copy(source, 0, 10_000).buffer.byteLength, 10_000);
});
