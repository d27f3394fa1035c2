import fc from "fast-check";
import { isLater } from "../../lib/gossip/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { anyVerdict } from "./support.ts";

Deno.test("isLater() has the higher version hold, and of equal ones that of the later name", () => {
  const [old, young] = [{ version: 1, author: "b" }, { version: 2, author: "a" }];
  assertEquals([isLater(young, old), isLater(old, young)], [true, false]);
  assertEquals(isLater({ version: 1, author: "c" }, old), true);
  assertEquals(isLater(old, old), false);
});

Deno.test("isLater() orders all that is told: whoever hears it in any order ends with the same", () => {
  fc.assert(
    fc.property(fc.array(anyVerdict, { minLength: 1 }), fc.nat(), (told, turn) => {
      const last = (order: typeof told): string => {
        const held = order.reduce((known, next) => isLater(next, known) ? next : known);
        return `${held.version} ${held.author}`;
      };
      const at = turn % told.length;
      const turned = [...told.slice(at), ...told.slice(0, at)];
      assert(last(told) === last(turned) && last(told) === last(told.toReversed()));
    }),
    { seed: 5 },
  );
});
