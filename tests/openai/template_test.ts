import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { type Template, textBetween } from "../../lib/openai/template.ts";
import { assertEquals } from "../support/assert.ts";

/** The text found in `data` by the template of `before` and `after`. */
function found(before: string, after: string, data: string): string | undefined {
  const template: Template = { before: encodeUtf8(before), after: encodeUtf8(after) };
  const text = textBetween(template, encodeUtf8(data));
  return text && decodeUtf8(text);
}

const BEFORE = '{"text":"';
const AFTER = '","n":null}';

for (const text of ["", "a", String.raw`\"`, String.raw`\\`, String.raw`\u0022`, "é世😀", "}]"]) {
  Deno.test(`textBetween() finds ${JSON.stringify(text)} as it stands`, () => {
    assertEquals(found(BEFORE, AFTER, `${BEFORE}${text}${AFTER}`), text);
  });
}

const OTHERS: readonly (readonly [what: string, data: string])[] = [
  ["nothing", ""],
  ["less than what stands around the text", '{"text":"","n":null'],
  ["another beginning", `{"test":"a${AFTER}`],
  ["another end", `${BEFORE}a","n":1}`],
  ["more behind the end", `${BEFORE}a${AFTER} `],
  ["two strings", `${BEFORE}a","b":"c${AFTER}`],
  ["a quote that is escaped and so ends nothing", String.raw`{"text":"a\","n":null}`],
  ["a template whose halves overlap", '{"text":"n":null}'],
];

for (const [what, data] of OTHERS) {
  Deno.test(`textBetween() finds no text in ${what}`, () => {
    assertEquals(found(BEFORE, AFTER, data), undefined);
  });
}

Deno.test("textBetween() gives a view of the data", () => {
  const data = encodeUtf8(`${BEFORE}ab${AFTER}`);
  const text = textBetween({ before: encodeUtf8(BEFORE), after: encodeUtf8(AFTER) }, data);
  assertEquals(text?.buffer === data.buffer, true);
});
