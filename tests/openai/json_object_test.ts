import fc from "fast-check";
import { byteLength, concatBytes, decodeUtf8 } from "../../lib/base/mod.ts";
import {
  JsonObject,
  JsonScanError,
  type ObjectEdit,
  objectOf,
  type RawJson,
  scanObject,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { bytesOf, objectText, parsed, recordOf, RUNS, valueText } from "./support.ts";

Deno.test("JsonObject gives the values that JSON.parse gives, and of duplicates the last", () => {
  fc.assert(
    fc.property(objectText, (text) => {
      const object = new JsonObject(bytesOf(text));
      const expected = recordOf(JSON.parse(text));
      assertEquals(new Set(object.keys()), new Set(Object.keys(expected)));
      for (const [key, value] of Object.entries(expected)) {
        assertEquals(object.has(key), value !== null);
        assertEquals(object.value(key), value ?? undefined);
        const raw = object.raw(key);
        assertEquals(raw === undefined ? null : parsed(raw), value);
        const member = object.member(key);
        assert(member !== undefined && member.key === key);
      }
    }),
    RUNS,
  );
});

Deno.test("JsonObject knows nothing of keys that are absent", () => {
  const object = new JsonObject(bytesOf('{"a":{"b":1}}'));
  for (const key of ["b", "", "A", "toString", "__proto__"]) {
    assertEquals(object.has(key), false);
    assertEquals(object.value(key), undefined);
    assertEquals(object.raw(key), undefined);
    assertEquals(object.member(key), undefined);
  }
});

Deno.test("JsonObject treats null as absent, but its member stands", () => {
  const object = new JsonObject(bytesOf('{"a":null,"b":0,"c":1,"c":null}'));
  assertEquals([object.has("a"), object.has("b"), object.has("c")], [false, true, false]);
  assertEquals(object.raw("a"), undefined);
  assertEquals([...object.keys()], ["a", "b", "c"]);
  assert(object.member("a") !== undefined);
});

Deno.test("JsonObject.raw() is a view of the bytes, exactly as they stand", () => {
  const bytes = bytesOf('{"a" : [1, 2.50 , "\\u0061"] ,"b":1e2}');
  const object = new JsonObject(bytes);
  const raw = object.raw("a");
  assert(raw !== undefined && raw.buffer === bytes.buffer);
  assertEquals(decodeUtf8(raw), '[1, 2.50 , "\\u0061"]');
});

Deno.test("JsonObject refuses bytes that are no object", () => {
  for (const text of ["", "[]", "null", '{"a":1', "{}x"]) {
    assertThrows(() => new JsonObject(bytesOf(text)), JsonScanError);
  }
});

Deno.test("JsonObject.value() refuses a malformed string in a value", () => {
  const object = new JsonObject(bytesOf('{"a":["\\x"]}'));
  assertThrows(() => object.value("a"), SyntaxError);
});

const EDIT_KEYS = ["a", "b", "model", "", 'quote"\\', "é", "kv"];

const edit = fc.record({
  remove: fc.uniqueArray(fc.constantFrom(...EDIT_KEYS), { maxLength: 3 }),
  set: fc.dictionary(fc.constantFrom(...EDIT_KEYS), fc.option(valueText, { nil: undefined }), {
    maxKeys: 3,
    noNullPrototype: true,
  }),
});

/** The same edit on a parsed object. */
function editedValue(
  value: Readonly<Record<string, unknown>>,
  remove: readonly string[],
  set: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, unknown>> {
  const kept = Object.entries(value).filter(([key]) => !remove.includes(key));
  const put = Object.entries(set).flatMap(([key, text]): [string, unknown][] =>
    text === undefined ? [] : [[key, JSON.parse(text)]]
  );
  return Object.fromEntries([...kept, ...put]);
}

Deno.test("JsonObject.edited() equals the same edit on the parsed object", () => {
  fc.assert(
    fc.property(objectText, edit, (text, { remove, set }) => {
      const parts = new JsonObject(bytesOf(text)).edited({ remove: new Set(remove), set });
      const expected = editedValue(recordOf(JSON.parse(text)), remove, set);
      assertEquals(recordOf(parsed(concatBytes(parts))), expected);
    }),
    { ...RUNS, numRuns: 1_500 },
  );
});

Deno.test("JsonObject.edited() keeps other members byte for byte, in order, and sets each key once", () => {
  fc.assert(
    fc.property(objectText, edit, (text, { remove, set }) => {
      const bytes = bytesOf(text);
      const before = bytes.slice();
      const object = new JsonObject(bytes);
      const edited = concatBytes(object.edited({ remove: new Set(remove), set }));
      const put = Object.entries(set).filter(([, value]) => value !== undefined);
      const gone = new Set([...remove, ...put.map(([key]) => key)]);
      const textsIn = (source: Uint8Array): string[] =>
        scanObject(source).map(({ keyStart, end }) => decodeUtf8(source.subarray(keyStart, end)));
      const kept = scanObject(bytes).filter((member) => !gone.has(member.key))
        .map(({ keyStart, end }) => decodeUtf8(bytes.subarray(keyStart, end)));
      const added = put.map(([key, value]) => `${JSON.stringify(key)}:${value}`);
      assertEquals(textsIn(edited), [...kept, ...added]);
      assertEquals(bytes, before);
    }),
    RUNS,
  );
});

const EDITS: readonly (readonly [
  name: string,
  text: string,
  edit: ObjectEdit,
  expected: string,
])[] = [
  ["nothing", ' { "a" : 1 , "b":2 } ', {}, '{"a" : 1 , "b":2}'],
  ["an empty object", "{ }", {}, "{}"],
  ["the first", '{"a":1, "b":2}', { remove: new Set("a") }, '{"b":2}'],
  ["the last", '{"a":1, "b":2 }', { remove: new Set("b") }, '{"a":1}'],
  ["one within", '{"a":1, "b":2 ,"c":3}', { remove: new Set("b") }, '{"a":1,"c":3}'],
  ["all", '{"a":1,"b":2}', { remove: new Set("ab") }, "{}"],
  ["what is absent", '{"a":1}', { remove: new Set("z") }, '{"a":1}'],
  ["all duplicates", '{"a":1,"b":2,"\\u0061":3}', { remove: new Set("a") }, '{"b":2}'],
  ["a replaced one", '{"a":1,"b":2,"a":3}', { set: { a: "4" } }, '{"b":2,"a":4}'],
  ["one set in an empty object", "{}", { set: { a: "4" } }, '{"a":4}'],
  ["one set to undefined", '{"a":1}', { set: { a: undefined } }, '{"a":1}'],
  [
    "one removed and set to undefined",
    '{"a":1}',
    { remove: new Set("a"), set: { a: undefined } },
    "{}",
  ],
  ["one removed and set", '{"a":1}', { remove: new Set("a"), set: { a: "2" } }, '{"a":2}'],
  ["a nested namesake left alone", '{"b":{"a":1}}', { remove: new Set("a") }, '{"b":{"a":1}}'],
];

for (const [name, text, change, expected] of EDITS) {
  Deno.test(`JsonObject.edited() handles ${name}`, () => {
    const parts = new JsonObject(bytesOf(text)).edited(change);
    assertEquals(decodeUtf8(concatBytes(parts)), expected);
  });
}

Deno.test("JsonObject.edited() copies nothing of a large body, and little of its own", () => {
  const large = JSON.stringify("x".repeat(4 * 1024 * 1024));
  const bytes = bytesOf(`{"model":"m","prompt":${large},"stream":true,"other":${large}}`);
  const parts = new JsonObject(bytes).edited({
    remove: new Set(["stream"]),
    set: { model: '"n"', max_tokens: "1" },
  });
  const own = parts.filter((part) => part.buffer !== bytes.buffer);
  assert(byteLength(own) < 100, `${byteLength(own)} bytes are copies`);
  assert(parts.length < 20, `${parts.length} pieces`);
  assertEquals(byteLength(parts) - byteLength(own) > 8 * 1024 * 1024, true);
  assertEquals(Object.keys(recordOf(parsed(concatBytes(parts)))), [
    "prompt",
    "other",
    "model",
    "max_tokens",
  ]);
});

const RAW_FORMS: readonly (readonly [name: string, raw: RawJson])[] = [
  ["text", '[1,"é"]'],
  ["bytes", bytesOf('[1,"é"]')],
  ["pieces of bytes", [bytesOf("[1,"), bytesOf('"é"]')]],
];

for (const [name, raw] of RAW_FORMS) {
  Deno.test(`objectOf() takes a value as ${name}`, () => {
    assertEquals(decodeUtf8(concatBytes(objectOf({ a: raw }))), '{"a":[1,"é"]}');
  });
}

Deno.test("objectOf() leaves out undefined members and quotes keys", () => {
  const parts = objectOf({ 'a"b': "1", left: undefined, c: "null" });
  assertEquals(decodeUtf8(concatBytes(parts)), '{"a\\"b":1,"c":null}');
  assertEquals(decodeUtf8(concatBytes(objectOf({}))), "{}");
});

Deno.test("JsonObject.with() puts a value in the place of all of a key, and copies nothing", () => {
  const bytes = bytesOf('{"a":1,"b":[2, 3],"a":4,"c":null}');
  const object = new JsonObject(bytes);
  const span = object.raw("b")?.subarray(4, 5) ?? bytes;
  const changed = object.with("a", span);
  assertEquals([changed.value("a"), changed.has("a"), changed.has("c")], [3, true, false]);
  assertEquals(decodeUtf8(concatBytes(changed.parts)), '{"b":[2, 3],"c":null,"a":3}');
  assertEquals(decodeUtf8(changed.bytes), '{"b":[2, 3],"c":null,"a":3}');
  assertEquals([...changed.keys()], ["b", "c", "a"]);
  const member = changed.member("a");
  assert(member !== undefined);
  assertEquals(decodeUtf8(changed.bytes.subarray(member.start, member.end)), "3");
  assertEquals(decodeUtf8(concatBytes(changed.edited({ remove: new Set("ab") }))), '{"c":null}');
  assertEquals(
    decodeUtf8(concatBytes(changed.edited({ set: { a: "7" } }))),
    '{"b":[2, 3],"c":null,"a":7}',
  );
  assertEquals(decodeUtf8(object.bytes), '{"a":1,"b":[2, 3],"a":4,"c":null}');
});
