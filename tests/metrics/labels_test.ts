import { encodeUtf8 } from "../../lib/base/mod.ts";
import { labelIn, samplesOf } from "../../lib/metrics/mod.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("labelIn() finds a label's value, whatever stands in others", () => {
  const labels = String.raw`a="1",block_size="16",b="x=\"c\",c=\"9\"",c="a\\b\nd"`;
  assertEquals(["a", "block_size", "b", "c", "size", "d"].map((name) => labelIn(labels, name)), [
    "1",
    "16",
    'x="c",c="9"',
    "a\\b\nd",
    undefined,
    undefined,
  ]);
});

Deno.test("samplesOf() keeps the labels of what ends in _info, and of nothing else", () => {
  const text = encodeUtf8('x_info{a="1}"} 1\nx_info{a="2"} 1\ny{a="1"} 3\nother_y 4\n');
  const samples = samplesOf(text, ["x_info", "y"]);
  assertEquals([...samples], [
    ["x_info", { sum: 2, count: 2, labels: 'a="2"' }],
    ["y", { sum: 3, count: 1 }],
  ]);
});
