import { concatBytes, seededRandom } from "../../lib/base/mod.ts";
import { OutBuffer } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const KIB = 1024;

function filled(length: number, first: number): Uint8Array {
  return new Uint8Array(length).fill(first % 251);
}

Deno.test("OutBuffer gives out what was added, in order and once", () => {
  const random = seededRandom(5);
  const out = new OutBuffer();
  assertEquals(out.take(), undefined);
  const added: Uint8Array[] = [];
  const taken: Uint8Array[] = [];
  for (let round = 0; round < 300; round++) {
    const large = random.next() < 0.1;
    const part = filled(Math.floor(random.next() * (large ? 900 : 20) * KIB), round);
    added.push(part);
    out.add(part);
    if (random.next() < 0.3) {
      for (let piece = out.take(); piece; piece = out.take()) taken.push(piece);
    }
  }
  for (let piece = out.take(); piece; piece = out.take()) taken.push(piece);
  const [all, expected] = [concatBytes(taken), concatBytes(added)];
  assertEquals(all.length, expected.length);
  assert(all.every((byte, at) => byte === expected[at]));
});

Deno.test("OutBuffer gives small parts out together, and large ones in pieces of their own", () => {
  const out = new OutBuffer();
  out.add(filled(10, 1));
  out.add(filled(20, 2));
  out.add(filled(600 * KIB, 3));
  out.add(filled(30, 4));
  const lengths: number[] = [];
  for (let piece = out.take(); piece; piece = out.take()) lengths.push(piece.length);
  assertEquals(lengths, [30, 256 * KIB, 256 * KIB, 88 * KIB, 30]);
});

Deno.test("OutBuffer gives copies: what is taken is the taker's", () => {
  const out = new OutBuffer();
  const large = filled(300 * KIB, 7);
  out.add(filled(10, 1));
  out.add(large);
  const [first, second] = [out.take(), out.take()];
  large.fill(0);
  out.add(filled(10, 9));
  assertEquals([first?.[0], second?.[0], second?.length], [1, 7, 256 * KIB]);
});
