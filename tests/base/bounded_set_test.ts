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

Deno.test("BoundedSet.deleteWhere() takes out what is said to be gone, and makes room", () => {
  const set = new BoundedSet(3);
  for (const value of ["a 1", "b 1", "a 2"]) set.add(value);
  set.deleteWhere((value) => value.startsWith("a "));
  assertEquals(["a 1", "b 1", "a 2"].map((value) => set.has(value)), [false, true, false]);
  for (const value of ["c", "d"]) set.add(value);
  assertEquals(["b 1", "c", "d"].map((value) => set.has(value)), [true, true, true]);
  // What was taken out is new when it comes again.
  assertEquals(set.add("a 1"), true);
  assertEquals(set.has("b 1"), false);
});

Deno.test("BoundedSet.deleteWhere() leaves everything where nothing is gone", () => {
  const set = new BoundedSet(2);
  set.deleteWhere(() => true);
  for (const value of ["a", "b"]) set.add(value);
  set.deleteWhere(() => false);
  assertEquals(["a", "b"].map((value) => set.has(value)), [true, true]);
  set.deleteWhere(() => true);
  assertEquals(["a", "b"].map((value) => set.has(value)), [false, false]);
});
