import { Changing } from "../../lib/observe/changing.ts";
import { assertEquals } from "../support/assert.ts";

type Row = readonly [string, { readonly n: number }];

function rows(...all: readonly (readonly [string, number])[]): readonly Row[] {
  return all.map(([key, n]) => [key, { n }]);
}

Deno.test("Changing tells what differs since a look, and what has gone since", () => {
  const all = new Changing<{ readonly n: number }>();
  all.look(1, rows(["a", 1], ["b", 1]));
  all.look(2, rows(["a", 1], ["b", 2], ["c", 1]));
  all.look(3, rows(["a", 1], ["c", 1]));
  const keys = (look: number): readonly string[] => all.since(look).map(([key]) => key);
  assertEquals([keys(0), keys(1), keys(2), keys(3)], [["a", "c"], ["c"], [], []]);
  assertEquals([all.goneSince(1), all.goneSince(2), all.goneSince(3)], [["b"], ["b"], []]);
  assertEquals(all.since(1), [["c", '{"n":1}']]);
});

Deno.test("Changing tells what has come back, and not that it had gone", () => {
  const all = new Changing<{ readonly n: number }>();
  all.look(1, rows(["a", 1]));
  all.look(2, rows());
  all.look(3, rows(["a", 1]));
  assertEquals([all.since(1).length, all.goneSince(1)], [1, []]);
});

Deno.test("Changing has who looked too long ago be told everything", () => {
  const all = new Changing<{ readonly n: number }>();
  const many = Array.from({ length: 2_000 }, (_, at): Row => [`k${at}`, { n: at }]);
  all.look(1, many);
  assertEquals([all.isBehind(0), all.isBehind(1)], [true, false]);
  all.look(2, many.slice(1_500));
  all.look(3, []);
  // Of 2,000 that have gone, 1,024 are remembered: those of the first look are not all among them.
  assertEquals([all.isBehind(1), all.isBehind(2), all.isBehind(3)], [true, false, false]);
  assertEquals(all.goneSince(2).length, 500);
});
