import { decodeUtf8, encodeUtf8, RouterError, STEP_BYTES } from "../../lib/base/mod.ts";
import { toUtf8 } from "../../lib/http/utf8.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { stepped } from "../support/counting_breather.ts";

/** `text` in units of 2 or 4 bytes. */
function encoded(text: string, unitBytes: 2 | 4, littleEndian: boolean, mark = false): Uint8Array {
  const all = mark ? `\ufeff${text}` : text;
  const units = unitBytes === 2
    ? Array.from({ length: all.length }, (_, index) => all.charCodeAt(index))
    : [...all].map((char) => char.codePointAt(0) ?? 0);
  const view = new DataView(new ArrayBuffer(units.length * unitBytes));
  units.forEach((unit, index) => {
    if (unitBytes === 2) view.setUint16(2 * index, unit, littleEndian);
    else view.setUint32(4 * index, unit, littleEndian);
  });
  return new Uint8Array(view.buffer);
}

function utf8(bytes: Uint8Array): string {
  return decodeUtf8(stepped(toUtf8(bytes, () => {})).value);
}

const TEXTS = ['{"a":"A\u00e9\u4e16\ud83d\ude00\uffff"}', " {}", "{}", "1", '{"model":"m"}'];

for (const unitBytes of [2, 4] as const) {
  for (const littleEndian of [true, false]) {
    for (const mark of [true, false]) {
      const name = `UTF-${8 * unitBytes}, ${littleEndian ? "little" : "big"}-endian${
        mark ? ", with a mark" : ""
      }`;
      Deno.test(`toUtf8() reads ${name}`, () => {
        for (const text of TEXTS) {
          // One unit of 4 bytes alone cannot be told from two of 2, nor does Python.
          if (text.length * unitBytes < 4 && !mark && unitBytes === 4) continue;
          assertEquals(utf8(encoded(text, unitBytes, littleEndian, mark)), text);
        }
      });
    }
  }
}

Deno.test("toUtf8() leaves UTF-8 as it is, but for a mark, and copies nothing", () => {
  const bytes = encodeUtf8('{"a":"\u00e9"}');
  assert(stepped(toUtf8(bytes, () => {})).value === bytes);
  const marked = encodeUtf8('\ufeff{"a":1}');
  const { value } = stepped(toUtf8(marked, () => {}));
  assertEquals([decodeUtf8(value), value.buffer === marked.buffer], ['{"a":1}', true]);
  for (const text of ["", "1", "12", "{}", "123"]) assertEquals(utf8(encodeUtf8(text)), text);
});

Deno.test("toUtf8() writes half a pair of surrogates as the escape that means it", () => {
  const text = '{"a":"\ud83d","b":"\ude00\ud83d\ude00"}';
  assertEquals(utf8(encoded(text, 2, true)), '{"a":"\\ud83d","b":"\\ude00\ud83d\ude00"}');
  assertEquals(JSON.parse(utf8(encoded(text, 2, false, true))), JSON.parse(text));
});

Deno.test("toUtf8() refuses what is no whole number of units, and no character", () => {
  const odd = encoded('{"a":1}', 2, true).subarray(0, 13);
  const high = new Uint8Array([0, 0, 0, 0x7b, 0x7f, 0, 0, 0]);
  for (
    const [bytes, name] of [[odd, "UTF-16 (little-endian)"], [high, "UTF-32 (big-endian)"]] as const
  ) {
    const error = assertThrows(() => utf8(bytes), RouterError, name);
    assertEquals(error.code, "bad-request");
  }
});

Deno.test("toUtf8() says how large the text will be before it makes it, and works in steps", () => {
  const text = `{"a":"${"\u4e16".repeat(100_000)}"}`;
  const bytes = encoded(text, 2, true);
  const told: number[] = [];
  const { value, steps } = stepped(toUtf8(bytes, (size) => told.push(size)));
  assertEquals([told, value.length], [[300_008], 300_008]);
  assertEquals(steps, 2 * Math.ceil(bytes.length / STEP_BYTES) - 1);
  const refusal = new RangeError("too large");
  assertThrows(
    () =>
      stepped(toUtf8(bytes, () => {
        throw refusal;
      })),
    RangeError,
    "too large",
  );
});
