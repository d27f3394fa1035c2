import fc from "fast-check";
import { SlidingSums } from "../../lib/fleet/sliding_sums.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const WINDOW_MS = 20_000;

Deno.test("SlidingSums sums what was added in the window, by name, and forgets the rest", async () => {
  const clock = new FakeClock();
  const sums = new SlidingSums(clock, WINDOW_MS, ["a", "b"]);
  sums.add("a", 1);
  await clock.advance(10_000);
  sums.add("a", 2);
  sums.add("b", 5);
  assertEquals([sums.sum("a"), sums.sum("b")], [3, 5]);
  await clock.advance(10_000);
  assertEquals([sums.sum("a"), sums.sum("b")], [2, 5]);
  await clock.advance(10_000);
  assertEquals([sums.sum("a"), sums.sum("b")], [0, 0]);
  sums.add("b", 1);
  await clock.advance(1_000 * WINDOW_MS);
  assertEquals(sums.sum("b"), 0);
});

Deno.test("SlidingSums.spanMs is what its sums are over", async () => {
  const clock = new FakeClock();
  const sums = new SlidingSums(clock, WINDOW_MS, ["a"]);
  for (let step = 0; step < 500; step++) {
    sums.add("a", 1);
    await clock.advance(100);
  }
  const rate = sums.sum("a") * 1_000 / sums.spanMs;
  assert(Math.abs(rate - 10) < 0.2, `${rate}`);
});

Deno.test("SlidingSums never tells of what is older than the window, and all that is newer than 19/20", async () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 30_000 }), fc.integer({ max: 100 })), {
    maxLength: 40,
  });
  await fc.assert(fc.asyncProperty(steps, async (added) => {
    const clock = new FakeClock();
    const sums = new SlidingSums(clock, WINDOW_MS, ["a"]);
    const log: (readonly [atMs: number, value: number])[] = [];
    for (const [waitMs, value] of added) {
      await clock.advance(waitMs);
      sums.add("a", Math.abs(value));
      log.push([clock.now(), Math.abs(value)]);
      const within = (ms: number): number =>
        log.filter(([atMs]) => clock.now() - atMs < ms).reduce((sum, [, one]) => sum + one, 0);
      const sum = sums.sum("a");
      assert(sum <= within(WINDOW_MS) && sum >= within(WINDOW_MS * 19 / 20), `${sum}`);
    }
  }));
});
