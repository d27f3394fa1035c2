import fc from "fast-check";
import { hash32 } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** FNV-1a and murmur3's final mix, in whole numbers of any size. */
function modelHash(text: string): number {
  const mask = 0xffff_ffffn;
  let hash = 0x811c_9dc5n;
  for (let index = 0; index < text.length; index++) {
    hash = ((hash ^ BigInt(text.charCodeAt(index))) * 0x0100_0193n) & mask;
  }
  hash = ((hash ^ (hash >> 16n)) * 0x85eb_ca6bn) & mask;
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2_ae35n) & mask;
  return Number(hash ^ (hash >> 16n));
}

Deno.test("hash32() is FNV-1a over UTF-16 units, mixed, whatever the text", () => {
  const texts = ["", "a", "session-1", "\u00e9\u4e16\ud83d\ude00", "\ud800", "x".repeat(1_000)];
  for (const text of texts) assertEquals(hash32(text), modelHash(text), JSON.stringify(text));
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => hash32(text) === modelHash(text)),
    { seed: 2026, numRuns: 100 },
  );
});
