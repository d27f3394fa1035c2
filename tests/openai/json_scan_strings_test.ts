import { seededRandom } from "../../lib/base/mod.ts";
import { JsonScanError, skipString } from "../../lib/openai/json_scan.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

/** Escaped quotes and backslashes with plain text of seeded lengths between them. */
function pieces(seed: number, longest: number): string {
  const random = seededRandom(seed);
  let text = "";
  for (let count = 0; count < 40; count++) {
    text += "x".repeat(Math.floor(random.next() * longest));
    text += ['"', "\\", '\\"', "\\\\", "\u00e9"][Math.floor(random.next() * 5)] ?? "";
  }
  return text;
}

Deno.test("skipString() finds the end behind escaped quotes, near each other and far", () => {
  for (const longest of [1, 3, 30, 33, 65, 200]) {
    for (let seed = 1; seed <= 100; seed++) {
      const string = JSON.stringify(pieces(seed, longest));
      const bytes = new TextEncoder().encode(`[${string},"next"]`);
      const end = new TextEncoder().encode(string).length + 1;
      assertEquals(skipString(bytes, 1), end, `seed ${seed}, up to ${longest} apart`);
    }
  }
});

Deno.test("skipString() refuses a string without an end, escaped quotes or none in it", () => {
  for (const text of ['"', '"abc', `"${"x".repeat(100)}`, `"${'x\\"'.repeat(50)}`, '"\\']) {
    const bytes = new TextEncoder().encode(text);
    assertThrows(() => skipString(bytes, 0), JsonScanError, "Unterminated string");
  }
});
