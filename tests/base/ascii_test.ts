import {
  encodeUtf8,
  hexValue,
  isDigit,
  isSpace,
  skipDigits,
  skipSpace,
} from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** All bytes for which `test` holds, as text. */
function bytesWhere(test: (byte: number) => boolean): string {
  return String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte).filter(test));
}

Deno.test("isDigit() knows the ten digits", () => {
  assertEquals(bytesWhere(isDigit), "0123456789");
});

Deno.test("isSpace() knows the white space of JSON", () => {
  assertEquals(bytesWhere(isSpace), "\t\n\r ");
});

Deno.test("hexValue() knows the digits in both cases, and nothing else", () => {
  assertEquals(bytesWhere((byte) => hexValue(byte) >= 0), "0123456789ABCDEFabcdef");
  for (const digit of "0123456789abcdefABCDEF") {
    assertEquals(hexValue(digit.charCodeAt(0)), Number.parseInt(digit, 16));
  }
  assertEquals([0x2f, 0x3a, 0x40, 0x47, 0x60, 0x67].map(hexValue), [-1, -1, -1, -1, -1, -1]);
});

const DIGITS: readonly (readonly [text: string, from: number, at: number])[] = [
  ["", 0, 0],
  ["12,3", 0, 2],
  ["12,3", 2, 2],
  ["12,3", 3, 4],
  ["-1", 0, 0],
  ["1.5", 0, 1],
  // Digits of other scripts are none.
  ["\u0661", 0, 0],
];

for (const [text, from, at] of DIGITS) {
  Deno.test(`skipDigits() of ${JSON.stringify(text)} from ${from} is ${at}`, () => {
    assertEquals(skipDigits(encodeUtf8(text), from), at);
  });
}

const SPACED: readonly (readonly [text: string, from: number, at: number])[] = [
  ["", 0, 0],
  ["a", 0, 0],
  [" \t\r\n a", 0, 5],
  ["a  b", 1, 3],
  ["a  b", 2, 3],
  ["  ", 0, 2],
  // No white space of JSON.
  ["\u000b ", 0, 0],
  ["\u00a0 ", 0, 0],
  ["\u0000 ", 0, 0],
];

for (const [text, from, at] of SPACED) {
  Deno.test(`skipSpace() of ${JSON.stringify(text)} from ${from} is ${at}`, () => {
    assertEquals(skipSpace(encodeUtf8(text), from), at);
  });
}

Deno.test("skipSpace() and skipDigits() stay where they begin behind the end", () => {
  assertEquals([skipSpace(encodeUtf8(" "), 4), skipDigits(encodeUtf8("1"), 4)], [4, 4]);
});
