import { Distribution } from "../../lib/observe/distribution.ts";
import { histogram } from "../../lib/page/assets/histogram.js";
import { scaleOf, stretches } from "../../lib/page/assets/timeline.js";
import { assert, assertEquals } from "../support/assert.ts";

function told(values: readonly number[]): Parameters<typeof histogram>[0] {
  const distribution = new Distribution(0);
  for (const value of values) distribution.add(value, 0);
  const shown = distribution.told(0);
  assert(shown !== undefined);
  return shown;
}

Deno.test("histogram() has a bar for each bucket with values and around them, and nothing is lost", () => {
  const { bars, ticks, marks } = histogram(told([12, 13, 14, 30, 45, 220]));
  assertEquals(bars.reduce((sum, { count }) => sum + count, 0), 6);
  assert(bars.length >= 7);
  assertEquals(Math.max(...bars.map(({ height }) => height)), 1);
  assertEquals(ticks.length, bars.length - 1);
  assertEquals(marks.map(({ name }) => name), ["p50", "p95", "p99"]);
  for (const { at } of marks) assert(at >= 0 && at <= 1);
});

Deno.test("histogram() has room for one value, for the greatest bucket, and for the least", () => {
  for (const value of [0.1, 15, 500_000]) {
    const { bars, marks } = histogram(told([value]));
    assert(bars.length >= 7, `${value}`);
    assertEquals(bars.filter(({ count }) => count === 1).length, 1);
    for (const { at } of marks) assert(at >= 0 && at <= 1, `${value}: ${at}`);
  }
  assert(histogram(told([500_000])).bars.at(-1)?.label.startsWith("over"));
});

Deno.test("stretches() follow one another to the end; what is left over is at the beginning", () => {
  const parts = stretches({ prefill: 40, kv_wait: 10, stream: 50, total: 130 });
  assertEquals(parts, [
    { phase: "prefill", start: 30, ms: 40 },
    { phase: "kv_wait", start: 70, ms: 10 },
    { phase: "stream", start: 80, ms: 50 },
  ]);
  assertEquals(stretches({}), []);
  assertEquals(stretches({ stream: 5, total: 4 })[0]?.start, 0);
});

Deno.test("scaleOf() is the longest, unless few are far longer than the others", () => {
  const of = (totals: readonly number[]): number =>
    scaleOf(totals.map((total) => ({ phases: { total } })));
  assertEquals(of([100, 200, 300]), 300);
  assertEquals(of([...Array.from({ length: 20 }, () => 100), 60_000]), 150);
  assertEquals(of([]), 1);
});
