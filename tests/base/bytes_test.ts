import { byteLength, concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PIECES = [encodeUtf8("ab"), new Uint8Array(0), encodeUtf8("cdé")];

Deno.test("encodeUtf8() and decodeUtf8() are each other's inverse", () => {
  for (const text of ["", "plain", "é世😀", "\u0000\u001f\u007f"]) {
    assertEquals(decodeUtf8(encodeUtf8(text)), text);
  }
  assertEquals([...encodeUtf8("é")], [0xc3, 0xa9]);
});

Deno.test("decodeUtf8() writes U+FFFD for what is no UTF-8", () => {
  assertEquals(decodeUtf8(Uint8Array.of(0x61, 0xff, 0x62)), "a\ufffdb");
  assertEquals(decodeUtf8(Uint8Array.of(0xe4, 0xb8)), "\ufffd");
});

Deno.test("byteLength() adds up the parts", () => {
  assertEquals(byteLength([]), 0);
  assertEquals(byteLength(PIECES), 6);
});

Deno.test("concatBytes() joins the parts in order", () => {
  assertEquals(decodeUtf8(concatBytes(PIECES)), "abcdé");
  assertEquals(concatBytes([]).length, 0);
});

Deno.test("concatBytes() gives a single part back without a copy, and copies several", () => {
  const [first] = PIECES;
  assert(first !== undefined);
  assert(concatBytes([first]) === first);
  const joined = concatBytes([first, first]);
  joined[0] = 0x7a;
  assertEquals(decodeUtf8(first), "ab");
});
