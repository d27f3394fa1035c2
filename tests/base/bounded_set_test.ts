import { BoundedSet } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("BoundedSet.add() tells what is new, once", () => {
  const set = new BoundedSet(3);
  assertEquals([set.has("a"), set.add("a"), set.has("a"), set.add("a")], [
    false,
    true,
    true,
    false,
  ]);
});

Deno.test("BoundedSet forgets its oldest member at its limit", () => {
  const set = new BoundedSet(2);
  for (const value of ["a", "b", "a", "c"]) set.add(value);
  assertEquals(["a", "b", "c"].filter((value) => set.has(value)), ["b", "c"]);
});
