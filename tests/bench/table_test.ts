import { figure, tableText } from "../../scripts/bench/table.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("tableText() aligns the first column left and the others right", () => {
  const text = tableText([
    { title: "name", text: (row: readonly [string, number]) => row[0] },
    { title: "ms", text: (row) => figure(row[1], 1) },
  ], [["a", 1], ["longer", 12.34]]);
  assertEquals(text, "name      ms\na        1.0\nlonger  12.3");
});

Deno.test("figure() shows a dash for what is no number", () => {
  assertEquals(figure(NaN, 2), "-");
  assertEquals(figure(1 / 0, 0), "-");
  assertEquals(figure(1.005, 1), "1.0");
});
