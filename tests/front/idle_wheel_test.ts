import { IdleWheel } from "../../lib/front/idle_wheel.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("IdleWheel ends a wait not before its limit, and an eighth later at the most", async () => {
  const clock = new FakeClock();
  using wheel = new IdleWheel(clock, 8_000);
  const ends: number[] = [];
  const watch = wheel.watch(() => ends.push(clock.now()));
  for (const startMs of [0, 1, 999]) {
    await clock.advance(startMs);
    const armedMs = clock.now();
    watch.arm();
    await clock.advance(7_999);
    assertEquals(ends.length, 0);
    await clock.advance(1_001);
    assertEquals(ends.length, 1);
    const tookMs = (ends.pop() ?? 0) - armedMs;
    assertEquals([tookMs >= 8_000, tookMs <= 9_000], [true, true], String(tookMs));
  }
});

Deno.test("IdleWheel has one timer while there are waits, and none without", async () => {
  const clock = new FakeClock();
  using wheel = new IdleWheel(clock, 8_000);
  const [one, other] = [wheel.watch(() => {}), wheel.watch(() => {})];
  assertEquals([clock.pending, wheel.size], [0, 0]);
  one.arm();
  other.arm();
  assertEquals([clock.pending, wheel.size], [1, 2]);
  one.disarm();
  other[Symbol.dispose]();
  assertEquals(wheel.size, 0);
  await clock.advance(1_000);
  assertEquals(clock.pending, 0);
});

Deno.test("IdleWheel begins a wait anew that is armed again, and no other", async () => {
  const clock = new FakeClock();
  using wheel = new IdleWheel(clock, 8_000);
  const ended: string[] = [];
  const one = wheel.watch(() => ended.push("one"));
  const other = wheel.watch(() => ended.push("other"));
  one.arm();
  other.arm();
  await clock.advance(5_000);
  one.arm();
  await clock.advance(4_000);
  assertEquals(ended, ["other"]);
  await clock.advance(5_000);
  assertEquals([ended, wheel.size], [["other", "one"], 0]);
});

Deno.test("IdleWheel may have a wait armed again by what ends it", async () => {
  const clock = new FakeClock();
  using wheel = new IdleWheel(clock, 8_000);
  let ends = 0;
  const watch = wheel.watch(() => {
    ends++;
    if (ends < 3) watch.arm();
  });
  watch.arm();
  await clock.advance(30_000);
  assertEquals([ends, wheel.size, clock.pending], [3, 0, 0]);
});

Deno.test("IdleWheel disposed ends nothing more", async () => {
  const clock = new FakeClock();
  const wheel = new IdleWheel(clock, 8_000);
  let ends = 0;
  wheel.watch(() => ends++).arm();
  wheel[Symbol.dispose]();
  await clock.advance(20_000);
  assertEquals([ends, clock.pending], [0, 0]);
});
