import { Wheel } from "../../../lib/front/http1/wheel.ts";
import { assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("Limit passes once, no sooner than asked for and two periods later at most", async () => {
  for (const begin of [0, 1, 99, 100, 101, 555]) {
    for (const limitMs of [800, 801, 1_000, 5_000]) {
      const clock = new FakeClock();
      const wheel = new Wheel(clock, 800);
      assertEquals(wheel.periodMs, 100);
      let passed = 0;
      using limit = wheel.limit(() => passed++);
      await clock.advance(begin);
      limit.set(limitMs);
      await clock.advance(limitMs - 1);
      assertEquals(passed, 0, `${begin} ${limitMs}`);
      await clock.advance(1 + 2 * wheel.periodMs);
      assertEquals(passed, 1, `${begin} ${limitMs}`);
      await clock.advance(2 * limitMs);
      assertEquals(passed, 1, `${begin} ${limitMs}`);
    }
  }
});

Deno.test("Limit.set() takes the place of the limit before, Limit.clear() of any", async () => {
  const clock = new FakeClock();
  const wheel = new Wheel(clock, 800);
  let passed = 0;
  using limit = wheel.limit(() => passed++);
  for (let round = 0; round < 5; round++) {
    limit.set(1_000);
    await clock.advance(900);
  }
  assertEquals(passed, 0);
  limit.set(10_000);
  limit.set(800);
  await clock.advance(1_000);
  assertEquals(passed, 1);
  limit.set(800);
  limit.clear();
  await clock.advance(5_000);
  assertEquals(passed, 1);
});

Deno.test("Wheel has one timer while there are limits, set or not, and none else", async () => {
  const clock = new FakeClock();
  const wheel = new Wheel(clock, 800);
  assertEquals(clock.pending, 0);
  const limits = Array.from({ length: 100 }, () => wheel.limit(() => {}));
  assertEquals(clock.pending, 1);
  for (const limit of limits) limit.set(800);
  await clock.advance(2_000);
  assertEquals(clock.pending, 1);
  for (const limit of limits) limit[Symbol.dispose]();
  assertEquals(clock.pending, 0);
  using _again = wheel.limit(() => {});
  assertEquals(clock.pending, 1);
});

Deno.test("Limit may be disposed, or set, as it passes", async () => {
  const clock = new FakeClock();
  const wheel = new Wheel(clock, 800);
  const passed: string[] = [];
  const one = wheel.limit(() => {
    passed.push("one");
    one[Symbol.dispose]();
    other[Symbol.dispose]();
  });
  const other = wheel.limit(() => passed.push("other"));
  const again = wheel.limit(() => {
    passed.push("again");
    again.set(800);
  });
  for (const limit of [one, other, again]) limit.set(800);
  await clock.advance(2_000);
  assertEquals(passed, ["one", "again", "again"]);
  again[Symbol.dispose]();
  assertEquals(clock.pending, 0);
});

Deno.test("Wheel looks neither all the time nor once in a long while", () => {
  const clock = new FakeClock();
  const periods = [1, 40, 80, 8_000, 60_000].map((shortestMs) =>
    new Wheel(clock, shortestMs).periodMs
  );
  assertEquals(periods, [5, 5, 10, 1_000, 1_000]);
});
