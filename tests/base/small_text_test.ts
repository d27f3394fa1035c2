import fc from "fast-check";
import { decodeUtf8, encodeUtf8, plainText } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

const PLAIN = /^[ !#-[\]-\x7f]{0,48}$/;

Deno.test("plainText() gives short plain texts as they are, and no others", () => {
  const texts = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: "binary", maxLength: 60 }),
  );
  fc.assert(
    fc.property(texts, fc.nat(5), (text, before) => {
      const bytes = encodeUtf8(`${"x".repeat(before)}${text}y`);
      for (let round = 0; round < 2; round++) {
        const found = plainText(bytes, before, bytes.length - 1);
        const own = decodeUtf8(bytes.subarray(before, bytes.length - 1));
        assertEquals(found, PLAIN.test(own) ? own : undefined);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("plainText() tells texts apart however many there are", () => {
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 5_000; at++) {
      const text = `key-${at}`;
      assertEquals(plainText(encodeUtf8(text), 0, text.length), text);
    }
  }
});
