import fc from "fast-check";
import { atOnce, encodeUtf8 } from "../../lib/base/mod.ts";
import { typingIds } from "../../lib/tokenization/mod.ts";
import { assertEquals } from "../support/assert.ts";

function typed(text: string, count: number): readonly number[] | undefined {
  const found = atOnce(typingIds(encodeUtf8(text), count));
  return found && [...found];
}

Deno.test("typingIds() reads what JSON.parse does", () => {
  const ids = fc.array(fc.nat(2 ** 31 - 1), { maxLength: 30 });
  fc.assert(fc.property(ids, fc.constantFrom(undefined, 1, "\n\t "), (list, space) => {
    assertEquals(typed(JSON.stringify(list, null, space), list.length), list);
  }));
});

Deno.test("typingIds() reads a list of many steps", () => {
  const list = Array.from({ length: 100_000 }, (_, at) => at * 7);
  assertEquals(typed(JSON.stringify(list), list.length), list);
});

Deno.test("typingIds() refuses numbers that are no token, and another count", () => {
  assertEquals(typed("[2147483648]", 1), undefined);
  assertEquals(typed("[1,2]", 3), undefined);
  assertEquals(typed("[1,2,3]", 2), undefined);
});
