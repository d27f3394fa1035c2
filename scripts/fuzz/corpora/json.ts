/** JSON, right and wrong, as clients and engines send it. @module */
import type { Corpus } from "../mutate.ts";
import { utf8Text } from "../text.ts";
import { DIGITS } from "./alphabets.ts";

/** What means something in JSON. */
export const JSON_WORDS: readonly string[] = [
  ...'{}[],:"\\',
  ...DIGITS,
  ..."-+.eE tfn",
  "true",
  "false",
  "null",
  "NaN",
  "Infinity",
  "-Infinity",
  "-0",
  "1e999",
  "1e-5",
  "0.5",
  "01",
  "12345678901234567890",
  '""',
  '"a"',
  '"a":',
  '"__proto__":',
  '"\\u0061"',
  '"\\ud800"',
  "\\u0000",
  "\\x",
  '\\"',
  "\\\\",
  "[]",
  "{}",
  "[[",
  "]]",
  '{"a":',
  ",,",
  "\r\n",
  "\xef\xbb\xbf",
  "\xf0\x9f\x98\x80",
];

/** `text` within so many containers. */
function nested(depth: number, open: string, text: string, close: string): string {
  return open.repeat(depth) + text + close.repeat(depth);
}

/** Values of all kinds, some of them out of proportion. */
export const JSON_SEEDS: readonly string[] = [
  "{}",
  "[]",
  " \t\r\n{ } ",
  '{"a":1,"b":[true,false,null],"c":{"d":"e"}}',
  '{"a":1,"a":2,"\\u0061":3}',
  '{"__proto__":{"x":1},"constructor":null,"":0}',
  '{"a":-0.5e+10,"b":1E-2,"c":0}',
  '{"a":"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"}',
  utf8Text('{"é":"日本語","😀":["\u{10ffff}"]}'),
  '{"a":NaN,"b":[Infinity,-Infinity]}',
  '{"a":{"a":{"a":[[[{}]]]}},"b":[1,[2,[3,[4]]]]}',
  `{"a":"${"x".repeat(100)}\\"${"y".repeat(100)}"}`,
  nested(500, '{"a":', "1", "}"),
  nested(600, "[", "", "]"),
  nested(20_000, "[", "", "]"),
  nested(20_000, '{"error":', "1", "}"),
  `{"a":${"9".repeat(4_400)}}`,
  "null",
  "1",
  '"a"',
];

/** JSON of any kind. */
export const JSON_CORPUS: Corpus = {
  seeds: JSON_SEEDS,
  words: JSON_WORDS,
  lineEnd: ",",
  maxBytes: 256_000,
};
