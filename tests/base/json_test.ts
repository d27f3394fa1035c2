import { encodeUtf8, jsonOf, recordOf, unlessMalformed } from "../../lib/base/mod.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const VALUES = ['{"a":[1,"\u00e9",null]}', "[]", '"x"', " 12 ", "null", "true"];

for (const json of VALUES) {
  Deno.test(`jsonOf() of ${json} is its value, of text and of bytes`, () => {
    assertEquals(jsonOf(json), JSON.parse(json));
    assertEquals(jsonOf(encodeUtf8(json)), JSON.parse(json));
  });
}

const MALFORMED = [
  "",
  " ",
  "{",
  '{"a":1',
  '{"a":1}}',
  "{'a':1}",
  "[1,]",
  "01",
  "nul",
  '"\\x"',
  "NaN",
];

for (const text of MALFORMED) {
  Deno.test(`jsonOf() of ${JSON.stringify(text)} is undefined`, () => {
    assertEquals(jsonOf(text), undefined);
    assertEquals(jsonOf(encodeUtf8(text)), undefined);
  });
}

Deno.test("jsonOf() reads U+FFFD where bytes are no UTF-8", () => {
  assertEquals(jsonOf(Uint8Array.of(0x22, 0xff, 0x22)), "\ufffd");
  assertEquals(jsonOf(Uint8Array.of(0xff)), undefined);
});

Deno.test("unlessMalformed() hands on what is read, and what is not about JSON", () => {
  assertEquals(unlessMalformed(() => 5), 5);
  assertEquals(unlessMalformed(() => JSON.parse("{")), undefined);
  const failing = (): never => {
    throw new RangeError("too long");
  };
  assertThrows(() => unlessMalformed(failing), RangeError);
});

Deno.test("recordOf() gives objects and lists, nothing else", () => {
  for (const value of [{}, { a: 1 }, [], [1]]) assertEquals(recordOf(value) === value, true);
  for (const value of [null, undefined, "text", 1, true]) assertEquals(recordOf(value), undefined);
});
