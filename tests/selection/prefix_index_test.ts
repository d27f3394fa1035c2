import fc from "fast-check";
import { PrefixIndex } from "../../lib/selection/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const MIB = 1024 * 1024;

/** Hashes of the chunks of a text of letters: each tells all letters up to it. */
function chunksOf(text: string): Float64Array {
  let hash = 1;
  return Float64Array.from(text, (letter) => {
    hash = (hash * 31 + letter.charCodeAt(0)) % 9_007_199_254_740_881;
    return hash;
  });
}

function metBy(index: PrefixIndex, text: string, ids: readonly string[]): readonly number[] {
  const met = index.look(chunksOf(text));
  return ids.map(met);
}

Deno.test("PrefixIndex tells how much of a prompt each engine has met", () => {
  const index = new PrefixIndex(MIB);
  assertEquals(index.add("a", chunksOf("abcdef")), 0);
  assertEquals(index.add("b", chunksOf("abcxyz")), 0);
  assertEquals(metBy(index, "abcdef", ["a", "b", "c"]), [6, 3, 0]);
  assertEquals(metBy(index, "abcxyzzz", ["a", "b"]), [3, 6]);
  assertEquals(metBy(index, "ab", ["a", "b"]), [2, 2]);
  assertEquals(metBy(index, "zab", ["a", "b"]), [0, 0]);
  assertEquals(index.add("a", chunksOf("abcxyy")), 3);
  assertEquals(index.add("b", chunksOf("abcdefg")), 3);
  assertEquals(metBy(index, "abcdefg", ["a", "b"]), [6, 7]);
});

Deno.test("PrefixIndex keeps a conversation that goes on in one node", () => {
  const index = new PrefixIndex(MIB);
  for (const text of ["abc", "abcdef", "abcdefghi"]) index.add("a", chunksOf(text));
  assertEquals(index.size, 1);
  assertEquals(metBy(index, "abcdefghi", ["a"]), [9]);
});

const text = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 8 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ id: fc.constantFrom("x", "y", "z"), add: text }) },
  { weight: 1, arbitrary: fc.record({ forget: fc.constantFrom("x", "y", "z") }) },
);

Deno.test("PrefixIndex agrees with a list of all prompts that each engine has met", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), text, (steps, asked) => {
      const index = new PrefixIndex(MIB);
      const met = new Map<string, string[]>();
      const expected = (id: string, prompt: string): number =>
        Math.max(0, ...(met.get(id) ?? []).map((known) => commonLength(known, prompt)));
      for (const each of steps) {
        if ("forget" in each) {
          index.forget(each.forget);
          met.delete(each.forget);
          continue;
        }
        assertEquals(index.add(each.id, chunksOf(each.add)), expected(each.id, each.add));
        met.set(each.id, [...met.get(each.id) ?? [], each.add]);
      }
      const ids = ["x", "y", "z"];
      assertEquals(metBy(index, asked, ids), ids.map((id) => expected(id, asked)));
      for (const id of ids) index.forget(id);
      assertEquals([index.bytes, index.size, index.engines], [0, 0, 0]);
    }),
    { seed: 2026, numRuns: 2_000 },
  );
});

function commonLength(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

Deno.test("PrefixIndex stays within its bytes whatever prompts come, and drops what was used longest ago", () => {
  const index = new PrefixIndex(MIB);
  const kept = Float64Array.from({ length: 50 }, (_, at) => -1 - at);
  for (let prompt = 0; prompt < 20_000; prompt++) {
    const length = 1 + prompt % 40;
    const chunks = Float64Array.from({ length }, (_, at) => prompt * 64 + at);
    index.add(`e${prompt % 16}`, chunks);
    // Whatever was met last is there.
    assertEquals(index.look(chunks)(`e${prompt % 16}`), length);
    if (prompt % 100 === 0) index.add("steady", kept);
    assert(index.bytes <= MIB);
  }
  assert(index.bytes > 0.9 * MIB);
  assertEquals(index.look(kept)("steady"), 50);
  assertEquals(index.look(Float64Array.of(0))("e0"), 0);
});

Deno.test("PrefixIndex stays within its bytes while prompts part from one another at each chunk", () => {
  const index = new PrefixIndex(MIB);
  const trunk = Float64Array.from({ length: 4_096 }, (_, at) => at + 1);
  for (let at = 0; at < 4_096; at++) {
    const branch = Float64Array.from([...trunk.subarray(0, at), 1e9 + at]);
    index.add(`e${at % 3}`, branch);
    assert(index.bytes <= MIB);
  }
});

Deno.test("PrefixIndex gives the number of an engine that goes to another, with nothing of it", () => {
  const index = new PrefixIndex(MIB);
  for (let round = 0; round < 200; round++) {
    index.add(`e${round}`, chunksOf("abc"));
    index.add("other", chunksOf("ab"));
    index.forget(`e${round}`);
    assertEquals(metBy(index, "abc", [`e${round}`, `e${round + 1}`, "other"]), [0, 0, 2]);
  }
  assertEquals(index.engines, 1);
});

Deno.test("PrefixIndex tells of hundreds of engines", () => {
  const index = new PrefixIndex(MIB);
  const ids = Array.from({ length: 300 }, (_, at) => `e${at}`);
  for (const [at, id] of ids.entries()) index.add(id, chunksOf("abcdefghij".slice(0, 1 + at % 10)));
  assertEquals(metBy(index, "abcdefghijk", ids), ids.map((_, at) => 1 + at % 10));
});
