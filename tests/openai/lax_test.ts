import { laxBool, laxInt } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";

/** A value, and what pydantic 2.13 makes of it for a `bool` and for an `int`; null for a refusal. */
const ROWS: readonly (readonly [value: unknown, bool: boolean | null, int: number | null])[] = [
  [true, true, 1],
  [false, false, 0],
  [0, false, 0],
  [1, true, 1],
  [-0, false, 0],
  [2, null, 2],
  [-1, null, -1],
  [1.5, null, null],
  [1e3, null, 1000],
  [1e300, null, null],
  [NaN, null, null],
  [Infinity, null, null],
  [2 ** 53 - 1, null, 2 ** 53 - 1],
  ...["true", "TRUE", "tRuE", "t", "T", "y", "yes", "Yes", "on", "oN"]
    .map((text) => [text, true, null] as const),
  ...["false", "False", "f", "n", "no", "off", "OFF"].map((text) => [text, false, null] as const),
  ["1", true, 1],
  ["0", false, 0],
  ["2", null, 2],
  [" true", null, null],
  ["true ", null, null],
  ["", null, null],
  ["1.0", null, 1],
  ["0.0", null, 0],
  ["16", null, 16],
  [" 16 ", null, 16],
  ["+16", null, 16],
  ["-16", null, -16],
  [" +1", null, 1],
  ["+ 1", null, null],
  ["--1", null, null],
  ["+-1", null, null],
  ["16.00", null, 16],
  ["16.", null, null],
  [".0", null, null],
  ["6.5", null, null],
  ["1_6", null, 16],
  ["1_000.0", null, 1000],
  ["1__6", null, null],
  ["_16", null, null],
  ["16_", null, null],
  ["16.0_0", null, null],
  ["016", null, 16],
  ["00", null, 0],
  ["-0", null, 0],
  ["0x10", null, null],
  ["1e3", null, null],
  ["\n16", null, 16],
  ["\u00a016", null, 16],
  ["\u008516", null, 16],
  ["\u200b16", null, null],
  ["\ufeff16", null, null],
  ["\u096716", null, null],
  ["\u212a", null, null],
  [[], null, null],
  [{}, null, null],
  [null, null, null],
  [undefined, null, null],
];

for (const [value, bool, int] of ROWS) {
  Deno.test(`laxBool() and laxInt() read ${typeof value} ${JSON.stringify(value)}`, () => {
    assertEquals([laxBool(value) ?? null, laxInt(value) ?? null], [bool, int]);
  });
}

Deno.test("laxInt() reads no text of more digits than Python does", () => {
  assertEquals([laxInt("0".repeat(4_299) + "7"), laxInt("0".repeat(4_300) + "7")], [7, undefined]);
});
