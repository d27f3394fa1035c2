import type { Clock } from "../../lib/base/mod.ts";
import { Deadline } from "../../lib/upstream/deadline.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** Counts how many timers were asked for. */
function countingClock(): { clock: Clock; fake: FakeClock; armed: () => number } {
  const fake = new FakeClock();
  let armed = 0;
  const clock: Clock = {
    now: () => fake.now(),
    unixMs: () => fake.unixMs(),
    after: (delayMs, run) => {
      armed++;
      return fake.after(delayMs, run);
    },
  };
  return { clock, fake, armed: () => armed };
}

Deno.test("Deadline expires once, when its time has passed", async () => {
  const clock = new FakeClock();
  let expired = 0;
  const deadline = new Deadline(clock, () => expired++);
  deadline.set(100);
  await clock.advance(99);
  assertEquals(expired, 0);
  await clock.advance(1);
  assertEquals(expired, 1);
  await clock.advance(1000);
  assertEquals(expired, 1);
  assertEquals(clock.pending, 0);
});

Deno.test("Deadline arms one timer however often it is moved later", async () => {
  const { clock, fake, armed } = countingClock();
  let expiredAt = -1;
  const deadline = new Deadline(clock, () => expiredAt = fake.now());
  for (let i = 0; i < 50; i++) {
    deadline.set(100);
    await fake.advance(1);
  }
  assertEquals([armed(), fake.pending], [1, 1]);
  await fake.advance(1000);
  assertEquals(expiredAt, 149);
  assertEquals(armed(), 2);
});

Deno.test("Deadline.set() to an earlier time is kept", async () => {
  const clock = new FakeClock();
  let expiredAt = -1;
  const deadline = new Deadline(clock, () => expiredAt = clock.now());
  deadline.set(1000);
  deadline.set(10);
  assertEquals(clock.pending, 1);
  await clock.advance(5000);
  assertEquals(expiredAt, 10);
});

Deno.test("Deadline.clear() takes the limit back, and set() brings it again", async () => {
  const clock = new FakeClock();
  let expiredAt = -1;
  const deadline = new Deadline(clock, () => expiredAt = clock.now());
  deadline.set(100);
  deadline.clear();
  await clock.advance(100);
  assertEquals([expiredAt, clock.pending], [-1, 0]);
  deadline.set(50);
  await clock.advance(50);
  assertEquals(expiredAt, 150);
});

Deno.test("Deadline leaves no timer after disposal, and takes no limit", async () => {
  const clock = new FakeClock();
  let expired = 0;
  const deadline = new Deadline(clock, () => expired++);
  deadline.set(100);
  deadline[Symbol.dispose]();
  assertEquals(clock.pending, 0);
  deadline.set(100);
  assertEquals(clock.pending, 0);
  await clock.advance(1000);
  assertEquals(expired, 0);
});
