import { sumOf } from "../../scripts/real/engine.ts";
import { assertEquals } from "../support/assert.ts";

const TEXT = `# TYPE a counter
a{b="c",d="e"} 2.0
a{b="d"} 3
a_created{b="c"} 1.7e+09
aa 100
b 1.5
`;

Deno.test("sumOf() adds the samples of one metric with given labels", () => {
  assertEquals(sumOf(TEXT, "a"), 5);
  assertEquals(sumOf(TEXT, "a", 'b="c"'), 2);
  assertEquals(sumOf(TEXT, "b"), 1.5);
  assertEquals(sumOf(TEXT, "a_created"), 1.7e9);
  assertEquals(sumOf(TEXT, "missing"), 0);
});
