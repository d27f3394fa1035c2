import { decodeUtf8, encodeUtf8, seededRandom, shortCopy, shortUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("shortUtf8() encodes as others do, whatever is encoded before and after", () => {
  const random = seededRandom(5);
  const letters = ["a", "{", "\u007f", "é", "世", "\u{1f30a}", "\ud800"];
  const made = Array.from({ length: 2_000 }, () => {
    const length = Math.floor(random.next() * 40) ** 2;
    const plain = random.next() < 0.7;
    const text = Array.from(
      { length },
      () => letters[Math.floor(random.next() * (plain ? 3 : letters.length))],
    ).join("");
    return { text, bytes: shortUtf8(text) };
  });
  for (const { text, bytes } of made) assertEquals(bytes, encodeUtf8(text));
});

Deno.test("shortCopy() gives bytes that stay as they are", () => {
  const given = encodeUtf8("abc".repeat(100));
  const copies = Array.from({ length: 300 }, () => shortCopy(given));
  const expected = given.slice();
  given.fill(0);
  for (const copy of copies) assertEquals(copy, expected);
});

Deno.test("shortUtf8() and shortCopy() give what is long a buffer of its own, and share others", () => {
  const long = "a".repeat(5_000);
  assertEquals(shortUtf8(long).buffer.byteLength, long.length);
  assertEquals(shortCopy(encodeUtf8(long)).buffer.byteLength, long.length);
  const buffers = new Set(Array.from({ length: 100 }, () => shortUtf8("a").buffer));
  assert(buffers.size <= 2);
  assertEquals(decodeUtf8(shortUtf8("")), "");
});
