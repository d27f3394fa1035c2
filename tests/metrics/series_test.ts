import { Family } from "../../lib/metrics/series.ts";
import { metricsText } from "../../lib/metrics/text.ts";
import { assert, assertEquals } from "../support/assert.ts";

const counter = (...labels: readonly string[]): Family =>
  new Family("x", { kind: "counter", help: "An x.", labels });

Deno.test("Family.at() tells series apart by every label, whatever stands in them", () => {
  const family = counter("a", "b");
  const values = ["", "x", "x\0", "\0x", 'x","b="', "constructor"];
  const all = values.flatMap((a) => values.map((b) => family.at({ a, b })));
  assertEquals(new Set(all).size, values.length ** 2);
  for (const [index, series] of all.entries()) {
    const [a = "", b = ""] = [
      values[Math.floor(index / values.length)],
      values[index % values.length],
    ];
    assert(family.at({ b, a }) === series);
    assertEquals(series.labels, [a, b]);
  }
});

Deno.test("Family.remove() forgets a series, and one that comes again begins anew", () => {
  const family = counter("a", "b");
  const [one, other] = [family.at({ a: "1", b: "1" }), family.at({ a: "1", b: "2" })];
  one.value = 3;
  family.remove(one);
  family.remove(one);
  assertEquals([...family.all], [other]);
  const again = family.at({ a: "1", b: "1" });
  assert(again !== one);
  assertEquals(again.value, 0);
  // What has gone already takes nothing with it.
  family.remove(one);
  assertEquals([...family.all], [other, again]);
  for (const series of [...family.all]) family.remove(series);
  assertEquals([...family.all], []);
});

Deno.test("Family.remove() of one that has gone leaves the one that has come in its place", () => {
  const family = counter();
  const one = family.at({});
  family.remove(one);
  const again = family.at({});
  family.remove(one);
  assert(family.at({}) === again);
});

Deno.test("Family.reset() leaves nothing but the series of a metric without labels", () => {
  const [labelled, plain] = [counter("a"), counter()];
  labelled.at({ a: "1" }).value = 1;
  plain.at({}).value = 1;
  for (const family of [labelled, plain]) family.reset();
  assertEquals([...labelled.all], []);
  assertEquals([...plain.all].map(({ value }) => value), [0]);
});

Deno.test("Family.observe() puts a value into the first bucket that it is not above", () => {
  const family = new Family("x", { kind: "histogram", help: "", labels: [], buckets: [1, 2] });
  const series = family.at({});
  for (const value of [-1, 1, 1.5, 2, 2.5]) family.observe(series, value);
  assertEquals([...series.counts ?? []], [2, 2, 1]);
  assertEquals(series.value, 6);
});

Deno.test("metricsText() writes numbers and texts as the format has them", () => {
  const family = new Family("x", { kind: "gauge", help: "a\\b\nc", labels: ["l"] });
  for (const value of [0.1, NaN, Infinity, -Infinity, 1e21]) {
    family.at({ l: `"${value}\n` }).value = value;
  }
  assertEquals(metricsText([family, counter()]).split("\n"), [
    "# HELP x a\\\\b\\nc",
    "# TYPE x gauge",
    'x{l="\\"0.1\\n"} 0.1',
    'x{l="\\"NaN\\n"} NaN',
    'x{l="\\"Infinity\\n"} +Inf',
    'x{l="\\"-Infinity\\n"} -Inf',
    'x{l="\\"1e+21\\n"} 1e+21',
    "",
    "# HELP x An x.",
    "# TYPE x counter",
    "x 0",
    "",
  ]);
});
