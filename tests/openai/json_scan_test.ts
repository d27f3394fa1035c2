import fc from "fast-check";
import { decodeUtf8 } from "../../lib/base/mod.ts";
import {
  JsonScanError,
  type Member,
  memberOf,
  membersOf,
  scanArray,
  scanObject,
  skipString,
  type Span,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { arrayText, bytesOf, isObjectText, objectText, RUNS, spoiltText } from "./support.ts";

function textAt(bytes: Uint8Array, { start, end }: Span): string {
  return decodeUtf8(bytes.subarray(start, end));
}

function accepts(bytes: Uint8Array): boolean {
  try {
    scanObject(bytes);
    return true;
  } catch (error) {
    assert(error instanceof JsonScanError, String(error));
    assert(error.offset >= 0 && error.offset <= bytes.length, `offset ${error.offset}`);
    return false;
  }
}

/** The members as the text of an object without white space between them. */
function rebuilt(bytes: Uint8Array, members: readonly Member[]): string {
  const parts = members.map((member) =>
    decodeUtf8(bytes.subarray(member.keyStart, member.start)) + textAt(bytes, member)
  );
  return `{${parts.join(",")}}`;
}

Deno.test("scanObject() finds the members that JSON.parse finds", () => {
  fc.assert(
    fc.property(objectText, (text) => {
      const bytes = bytesOf(text);
      const members = scanObject(bytes);
      const expected: object = JSON.parse(text);
      assertEquals(JSON.parse(rebuilt(bytes, members)), expected);
      assertEquals(new Set(members.map((member) => member.key)), new Set(Object.keys(expected)));
      for (const { key, keyStart, start, end } of members) {
        assert(0 < keyStart && keyStart < start && start < end && end < bytes.length);
        const colon = decodeUtf8(bytes.subarray(keyStart, start)).trimEnd().slice(0, -1);
        assertEquals(JSON.parse(colon), key);
      }
    }),
    RUNS,
  );
});

Deno.test("scanObject() refuses every text cut short, as JSON.parse does", () => {
  fc.assert(
    fc.property(objectText, (text) => {
      const bytes = bytesOf(text);
      for (let length = 0; length <= bytes.length; length++) {
        const cut = bytes.slice(0, length);
        assertEquals(accepts(cut), isObjectText(decodeUtf8(cut)), `cut at byte ${length}`);
      }
    }),
    { ...RUNS, numRuns: 150 },
  );
});

Deno.test("scanObject() agrees with JSON.parse on what is an object, also of spoilt texts", () => {
  let refused = 0;
  fc.assert(
    fc.property(spoiltText, (text) => {
      const verdict = accepts(bytesOf(text));
      assertEquals(verdict, isObjectText(text), text);
      if (!verdict) refused++;
    }),
    { ...RUNS, numRuns: 4_000 },
  );
  assert(refused > 1_000 && refused < 3_900, `${refused} of 4,000 were refused`);
});

Deno.test("scanObject() gives duplicate keys in order, under one name however they are written", () => {
  const bytes = bytesOf('{"a":1,"\\u0061":2,"b":3,"a":4}');
  assertEquals(
    scanObject(bytes).map((member) => [member.key, textAt(bytes, member)]),
    [["a", "1"], ["a", "2"], ["b", "3"], ["a", "4"]],
  );
});

Deno.test("scanObject() does not take a key after a byte order mark for the key without it", () => {
  const bytes = bytesOf('{"model":"a","\ufeffmodel":"b"}');
  assertEquals(scanObject(bytes).map((member) => member.key), ["model", "\ufeffmodel"]);
});

const REFUSED: readonly (readonly [text: string, problem: string, offset: number])[] = [
  ["", "Expected an object", 0],
  ["  ", "Expected an object", 2],
  ["[]", "Expected an object", 0],
  ['"a"', "Expected an object", 0],
  ["\ufeff{}", "Expected an object", 0],
  ["{}{}", "Unexpected data after the object", 2],
  ["{} x", "Unexpected data after the object", 3],
  ["{a:1}", "Expected a string", 1],
  ["{'a':1}", "Expected a string", 1],
  ['{"a"1}', "Expected ':'", 4],
  ['{"a":}', "Unexpected character", 5],
  ['{"a":1,}', "Expected a string", 7],
  ['{"a":1 "b":2}', "Expected ',' or '}'", 7],
  ['{"a":[1 2]}', "Expected ',' or ']'", 8],
  ['{"a":[1,]}', "Unexpected character", 8],
  ['{"a":{"b":1]}', "Expected ',' or '}'", 11],
  ['{"a":tru}', "Unexpected character", 8],
  ['{"a":NaN}', "Unexpected character", 5],
  ['{"a":01}', "Leading zero", 5],
  ['{"a":-}', "Unexpected character", 6],
  ['{"a":1.}', "Unexpected character", 7],
  ['{"a":1e}', "Unexpected character", 7],
  ['{"a":+1}', "Unexpected character", 5],
  ['{"a":"b}', "Unterminated string", 5],
  ['{"a":"b\\"}', "Unterminated string", 5],
  [`{"a":"${"b".repeat(40)}\\"}`, "Unterminated string", 5],
  ['{"\\x":1}', "Bad escape in a key", 1],
  ['{"\\u12":1}', "Bad escape in a key", 1],
];

for (const [text, problem, offset] of REFUSED) {
  Deno.test(`scanObject() refuses ${JSON.stringify(text)} and says where`, () => {
    const error = assertThrows(() => scanObject(bytesOf(text)), JsonScanError, problem);
    assertEquals(error.offset, offset);
    assertEquals(error.message, `${problem} at byte ${offset}`);
  });
}

function nested(levels: number): Uint8Array {
  return bytesOf(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`);
}

Deno.test("scanObject() takes 512 levels of nesting and refuses more, however many", () => {
  assertEquals(scanObject(nested(512)).length, 1);
  for (const levels of [513, 100_000]) {
    assertThrows(() => scanObject(nested(levels)), JsonScanError, "Nested deeper than 512");
  }
  const objects = bytesOf(`${'{"a":'.repeat(514)}1${"}".repeat(514)}`);
  assertThrows(() => scanObject(objects), JsonScanError, "Nested deeper than 512");
});

Deno.test("scanObject() passes over the inside of strings, which it leaves to the engine", () => {
  const bytes = Uint8Array.from([...bytesOf('{"a":"'), 0xff, 0x0a, ...bytesOf('\\x"}')]);
  assertEquals(scanObject(bytes).length, 1);
});

Deno.test("membersOf() gives the members of an object within the bytes", () => {
  const bytes = bytesOf('{"a": {"b" : [1, {"c":2}], "d":"}"} ,"e":1}');
  const [outer] = scanObject(bytes);
  assert(outer !== undefined);
  assertEquals(
    membersOf(bytes, outer).map((member) => [member.key, textAt(bytes, member)]),
    [["b", '[1, {"c":2}]'], ["d", '"}"']],
  );
});

Deno.test("membersOf() refuses what is no object", () => {
  const bytes = bytesOf('{"a":[1]}');
  const [list] = scanObject(bytes);
  assert(list !== undefined);
  assertThrows(() => membersOf(bytes, list), JsonScanError, "Expected an object");
});

Deno.test("memberOf() gives the last member of a key in an object within the bytes", () => {
  const bytes = bytesOf('[{"a":1,"b":{"a":2},"\\u0061":[3]},"a",null]');
  const [object, text, nothing] = scanArray(bytes, { start: 0, end: bytes.length });
  assert(object !== undefined && text !== undefined && nothing !== undefined);
  const found = memberOf(bytes, object, "a");
  assertEquals(found && textAt(bytes, found), "[3]");
  for (const other of [text, nothing, { start: bytes.length, end: bytes.length }]) {
    assertEquals(memberOf(bytes, other, "a"), undefined);
  }
  assertEquals(memberOf(bytes, object, "c"), undefined);
});

Deno.test("memberOf() refuses a malformed object", () => {
  const bytes = bytesOf('{"a":1,}');
  assertThrows(() => memberOf(bytes, { start: 0, end: bytes.length }, "a"), JsonScanError);
});

Deno.test("scanArray() finds the elements that JSON.parse finds, and no more than its limit", () => {
  fc.assert(
    fc.property(arrayText, fc.nat({ max: 6 }), (text, limit) => {
      const prefix = '{"list": ';
      const bytes = bytesOf(`${prefix}${text} }`);
      const [list] = scanObject(bytes);
      assert(list !== undefined);
      const expected: unknown[] = JSON.parse(text);
      const read = (spans: readonly Span[]): unknown[] =>
        spans.map((span) => JSON.parse(textAt(bytes, span)));
      assertEquals(read(scanArray(bytes, list)), expected);
      assertEquals(read(scanArray(bytes, list, limit)), expected.slice(0, limit));
    }),
    RUNS,
  );
});

Deno.test("scanArray() refuses what is no array", () => {
  const bytes = bytesOf('{"a":"[1]"}');
  const [text] = scanObject(bytes);
  assert(text !== undefined);
  assertThrows(() => scanArray(bytes, text), JsonScanError, "Expected an array");
});

Deno.test("skipString() finds the end of strings of any length and any run of backslashes", () => {
  for (let length = 0; length < 80; length++) {
    for (let slashes = 0; slashes < 6; slashes++) {
      // A run of backslashes escapes the quote behind it when it is odd.
      const inside = "x".repeat(length) + "\\".repeat(slashes);
      const text = slashes % 2 === 0 ? `"${inside}"` : `"${inside}"y"`;
      const bytes = bytesOf(`,${text},"z"`);
      assertEquals(skipString(bytes, 1), 1 + text.length, text);
    }
  }
});
