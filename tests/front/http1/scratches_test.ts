import { Scratch, SCRATCH_BYTES, Scratches } from "../../../lib/front/http1/scratches.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("Scratches lends each buffer to one taker at a time, and again", () => {
  const scratches = new Scratches();
  const [one, other] = [scratches.take(), scratches.take()];
  assert(one !== other);
  assertEquals([one.length, other.length], [SCRATCH_BYTES, SCRATCH_BYTES]);
  scratches.give(one);
  assert(scratches.take() === one);
  assert(scratches.take() !== one);
});

Deno.test("Scratches keeps a bounded number", () => {
  const scratches = new Scratches();
  const lent = new Set(Array.from({ length: 300 }, () => scratches.take()));
  for (const scratch of lent) scratches.give(scratch);
  const kept = Array.from({ length: 300 }, () => scratches.take()).filter((each) => lent.has(each));
  assertEquals(kept.length, 256);
});

Deno.test("Scratch is there while it is used, and lent to others while it rests", () => {
  const scratches = new Scratches();
  const scratch = new Scratch(scratches);
  scratch.rest();
  const { bytes } = scratch;
  assert(scratch.bytes === bytes);
  scratch.rest();
  scratch.rest();
  const other = scratches.take();
  assert(other === bytes);
  assert(scratches.take() !== bytes, "given back once");
  assert(scratch.bytes !== bytes);
});
