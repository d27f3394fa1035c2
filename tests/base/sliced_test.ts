import {
  atOnce,
  type Clock,
  COPY_STEP_BYTES,
  copying,
  inSlices,
  type Sliced,
  TurnBreather,
} from "../../lib/base/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { CountingBreather, stepped } from "../support/counting_breather.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

function* working(steps: number): Sliced<string> {
  for (let step = 1; step < steps; step++) yield;
  return `after ${steps}`;
}

// deno-lint-ignore require-yield
function* failing(): Sliced<never> {
  throw new RangeError("no");
}

Deno.test("atOnce() gives the result of work of any number of steps, or what it throws", () => {
  assertEquals([1, 2, 100].map((steps) => atOnce(working(steps))), [
    "after 1",
    "after 2",
    "after 100",
  ]);
  assertThrows(() => atOnce(failing()), RangeError, "no");
});

Deno.test("inSlices() rests between steps, and never where there is one alone", async () => {
  for (const steps of [1, 2, 7]) {
    const breather = new CountingBreather();
    assertEquals(await inSlices(working(steps), breather), `after ${steps}`);
    assertEquals(breather.pauses, steps - 1);
  }
  await assertRejects(() => inSlices(failing(), new CountingBreather()), RangeError);
});

Deno.test("inSlices() goes on while the turn is not used up, and without a breather", async () => {
  const breather = new CountingBreather();
  const fresh = { tired: () => false, pause: () => breather.pause() };
  assertEquals(await inSlices(working(50), fresh), "after 50");
  assertEquals(await inSlices(working(50), undefined), "after 50");
  assertEquals(breather.pauses, 0);
});

Deno.test("TurnBreather has those who rest go on in order, each in a turn of its own", async () => {
  const clock = new FakeClock();
  using breather = new TurnBreather(clock);
  const order: string[] = [];
  const rest = async (name: string): Promise<void> => {
    await breather.pause();
    order.push(name);
    await settle();
    order.push(`${name} has gone on`);
  };
  const all = Promise.all(["a", "b", "c"].map(rest));
  await settle();
  assertEquals(order, []);
  await clock.advance(0);
  await all;
  assertEquals(order, ["a", "b", "c"].flatMap((name) => [name, `${name} has gone on`]));
  assertEquals(clock.pending, 0);
});

Deno.test("TurnBreather is tired once such work has gone on for 4 ms in one turn", async () => {
  const clock = new FakeClock();
  let now = 0;
  using breather = new TurnBreather({ ...actsAs(clock), now: () => now });
  assertEquals(breather.tired(), false);
  now += 3.9;
  assertEquals(breather.tired(), false);
  now += 0.1;
  assertEquals(breather.tired(), true);
  const rested = breather.pause();
  await clock.advance(0);
  await rested;
  assertEquals(breather.tired(), false);
  now += 4;
  // Nobody rests: the turn ends all the same.
  await clock.advance(0);
  assertEquals([breather.tired(), clock.pending], [false, 1]);
});

Deno.test("TurnBreather lets whoever rests go on when it is disposed, and keeps no timer", async () => {
  const clock = new FakeClock();
  const breather = new TurnBreather(clock);
  const rested = Promise.all([breather.pause(), breather.pause()]);
  breather[Symbol.dispose]();
  await rested;
  assertEquals(clock.pending, 0);
  // Work that goes on behind it does not rest.
  await breather.pause();
  assertEquals([breather.tired(), clock.pending], [false, 0]);
});

function actsAs(clock: FakeClock): Clock {
  return {
    now: () => clock.now(),
    unixMs: () => clock.unixMs(),
    after: (delayMs, run) => clock.after(delayMs, run),
  };
}

Deno.test("copying() copies all, in steps, into memory of its own", () => {
  for (const size of [0, 1, COPY_STEP_BYTES, 3 * COPY_STEP_BYTES + 7]) {
    const buffer = new ArrayBuffer(size, { maxByteLength: 4 * COPY_STEP_BYTES });
    const bytes = new Uint8Array(buffer);
    for (let at = 0; at < size; at += 1_000) bytes[at] = at % 251;
    const { value: copy, steps } = stepped(copying(bytes));
    assertEquals([copy.length, steps], [size, Math.max(1, Math.ceil(size / COPY_STEP_BYTES))]);
    assertEquals(copy.every((byte, at) => byte === bytes[at]), true);
    assertEquals(copy.buffer === buffer, false);
  }
});
