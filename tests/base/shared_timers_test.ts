import { SharedTimers } from "../../lib/base/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

Deno.test("SharedTimers calls when it is time, in order, whatever was cancelled", async () => {
  const clock = new FakeClock();
  using timers = new SharedTimers(clock);
  const called: string[] = [];
  const call = (name: string): void => void called.push(`${name} ${clock.now()}`);
  const first = timers.after(2_500, () => call("first"));
  await clock.advance(700);
  timers.after(2_500, () => call("second"));
  timers.after(40, () => call("short"));
  await clock.advance(100);
  using third = timers.after(2_500, () => call("third"));
  first.cancel();
  first.cancel();
  await clock.advance(2_499);
  assertEquals(called, ["short 740", "second 3200"]);
  third.cancel();
  await clock.advance(5_000);
  assertEquals(called, ["short 740", "second 3200"]);
});

Deno.test("SharedTimers has one timer for all calls of a length, and none for long behind the last", async () => {
  const clock = new FakeClock();
  using timers = new SharedTimers(clock);
  const calls = Array.from({ length: 100 }, () => timers.after(600_000, () => {}));
  assertEquals(clock.pending, 1);
  for (const call of calls) call.cancel();
  await clock.advance(1_000);
  assertEquals(clock.pending, 0);
  timers.after(600_000, () => {}).cancel();
  assertEquals(clock.pending, 1);
});

Deno.test("SharedTimers calls what is set by what it calls, when that is due", async () => {
  const clock = new FakeClock();
  using timers = new SharedTimers(clock);
  const called: number[] = [];
  const again = (): void => {
    called.push(clock.now());
    timers.after(50, again);
  };
  timers.after(50, again);
  await clock.advance(20);
  timers.after(50, () => called.push(clock.now()));
  await clock.advance(130);
  assertEquals(called, [50, 70, 100, 150]);
  assertEquals(clock.pending, 1);
});

Deno.test("SharedTimers calls nobody once it is disposed", async () => {
  const clock = new FakeClock();
  let called = 0;
  {
    using timers = new SharedTimers(clock);
    for (const ms of [10, 2_000]) timers.after(ms, () => called++);
  }
  assertEquals(clock.pending, 0);
  await clock.advance(5_000);
  assertEquals(called, 0);
});
