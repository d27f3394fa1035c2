import fc from "fast-check";
import { ScaleHint } from "../../lib/fleet/scale_hint.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** The hints for what is wanted, one after the other, of `present` engines. */
function hints(wanted: readonly number[], present = 4): readonly number[] {
  const hint = new ScaleHint();
  return wanted.map((each) => hint.next(each, present));
}

Deno.test("ScaleHint rises at once, and falls where it is well below", () => {
  assertEquals(hints([2.5, 3.1, 2.9, 2.71, 2.69, 1.2]), [3, 4, 4, 4, 3, 2]);
});

Deno.test("ScaleHint stays while what is wanted swings a little about a number", () => {
  assertEquals(hints([3.9, 4.05, 3.95, 4.02, 3.8, 4.01]), [4, 5, 5, 5, 5, 5]);
});

Deno.test("ScaleHint is bounded by the engines there are, and never none", () => {
  assertEquals(hints([0, 100, 0], 2), [1, 5, 1]);
  fc.assert(fc.property(
    fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }),
    fc.integer({ min: 1, max: 64 }),
    (wanted, present) => {
      for (const hint of hints(wanted, present)) {
        assert(Number.isInteger(hint) && hint >= 1 && hint <= 2 * present + 1);
      }
    },
  ));
});
