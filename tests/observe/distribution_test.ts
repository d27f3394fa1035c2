import fc from "fast-check";
import { Distribution } from "../../lib/observe/distribution.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("Distribution counts times by bounds that they do not exceed", () => {
  const times = new Distribution(0);
  assertEquals(times.told(0), undefined);
  for (const ms of [0, 0.5, 0.6, 120_000, 120_001, NaN]) times.add(ms, 0);
  const told = times.told(0);
  assertEquals(told?.counts.length, (told?.bounds.length ?? 0) + 1);
  assertEquals([told?.counts[0], told?.counts[1], told?.counts.at(-2), told?.counts.at(-1)], [
    2,
    1,
    1,
    1,
  ]);
  assertEquals(told?.count, 5);
});

Deno.test("Distribution forgets what is older than five minutes, slot by slot", () => {
  const times = new Distribution(0);
  times.add(1, 0);
  times.add(1, 40_000);
  assertEquals(times.told(299_999)?.count, 2);
  assertEquals(times.told(300_000)?.count, 1);
  assertEquals(times.told(330_000)?.count, undefined);
  times.add(1, 10_000_000);
  assertEquals(times.told(10_000_000)?.count, 1);
});

Deno.test("Distribution.told() has quantiles between the bounds around the true ones", () => {
  const some = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(fc.property(some, (values) => {
    const times = new Distribution(0);
    for (const ms of values) times.add(ms, 0);
    const told = times.told(0);
    const sorted = values.toSorted((one, other) => one - other);
    for (
      const [share, found] of [[0.5, told?.p50], [0.95, told?.p95], [0.99, told?.p99]] as const
    ) {
      const truth = sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
      const upper = told?.bounds.find((bound) => truth <= bound) ?? Infinity;
      const lower = told?.bounds.findLast((bound) => truth > bound) ?? 0;
      assert(typeof found === "number" && found >= lower && found <= upper, `${truth} ${found}`);
    }
  }));
});
