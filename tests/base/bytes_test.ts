import {
  byteLength,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  indexOfBytes,
  seededRandom,
  startsWith,
} from "../../lib/base/mod.ts";
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

const PARTS: readonly (readonly [text: string, part: string, at: number, expected: boolean])[] = [
  ["data: x", "data: ", 0, true],
  ["data: ", "data: ", 0, true],
  ["data:", "data: ", 0, false],
  ["Data: x", "data: ", 0, false],
  ["", "", 0, true],
  ["ab", "", 2, true],
  ["xab", "ab", 1, true],
  ["xab", "ab", 0, false],
  ["xab", "ab", 2, false],
  ["ab", "ab", 7, false],
];

for (const [text, part, at, expected] of PARTS) {
  const verdict = expected ? "finds" : "does not find";
  Deno.test(`startsWith() ${verdict} "${part}" in "${text}" at ${at}`, () => {
    assertEquals(startsWith(encodeUtf8(text), encodeUtf8(part), at), expected);
  });
}

Deno.test("indexOfBytes() finds what the search in text finds, from any offset", () => {
  const random = seededRandom(7);
  const texts = ["", "a", "ab", "aab", "abab", "aaaa", "bbab"];
  for (let round = 0; round < 200; round++) {
    texts.push(Array.from({ length: 12 }, () => random.next() < 0.5 ? "a" : "b").join(""));
  }
  for (const text of texts) {
    for (const part of ["a", "ab", "aab", "abab", "bbbb"]) {
      for (const from of [0, 1, 5, 20]) {
        const expected = text.indexOf(part, from);
        assertEquals(indexOfBytes(encodeUtf8(text), encodeUtf8(part), from), expected);
      }
    }
  }
});

Deno.test("indexOfBytes() finds no empty part", () => {
  assertEquals(indexOfBytes(encodeUtf8("ab"), new Uint8Array(0)), -1);
  assertEquals(indexOfBytes(new Uint8Array(0), new Uint8Array(0)), -1);
});
