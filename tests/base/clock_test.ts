import { every, sleep, systemClock } from "../../lib/base/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

Deno.test("sleep() elapses after its delay and not before", async () => {
  const clock = new FakeClock();
  let end: string | undefined;
  const done = sleep(clock, 100).then((how) => end = how);
  await clock.advance(99);
  assertEquals(end, undefined);
  await clock.advance(1);
  assertEquals(end, "elapsed");
  await done;
  assertEquals(clock.pending, 0);
});

Deno.test("sleep() ends on abort and leaves no timer", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const sleeping = sleep(clock, 100, stop.signal);
  await clock.advance(50);
  assertEquals(clock.pending, 1);
  stop.abort();
  assertEquals(await sleeping, "aborted");
  assertEquals(clock.pending, 0);
});

Deno.test("sleep() does not begin when the signal is aborted already", async () => {
  const clock = new FakeClock();
  assertEquals(await sleep(clock, 100, AbortSignal.abort()), "aborted");
  assertEquals(clock.pending, 0);
});

Deno.test("sleep() leaves no listener on the signal, however it ends", async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const counted = countListeners(stop.signal);
  const sleeping = sleep(clock, 100, stop.signal);
  assertEquals(counted(), 1);
  await clock.advance(100);
  assertEquals(await sleeping, "elapsed");
  assertEquals(counted(), 0);
  stop.abort();
  assertEquals(await sleeping, "elapsed");
});

Deno.test("every() runs its task once per period", async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  using _timer = every(clock, 10, () => void runs.push(clock.now()));
  await clock.advance(35);
  assertEquals(runs, [10, 20, 30]);
});

Deno.test("every() begins the next period when the last run has ended", async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  let finish = (): void => {};
  using _timer = every(clock, 10, () => {
    runs.push(clock.now());
    return new Promise((resolve) => finish = resolve);
  });
  await clock.advance(50);
  assertEquals(runs, [10]);
  assertEquals(clock.pending, 0);
  finish();
  await settle();
  await clock.advance(10);
  assertEquals(runs, [10, 60]);
});

Deno.test("every() stops when cancelled, between runs and within one, and can be told twice", async () => {
  const clock = new FakeClock();
  let runs = 0;
  const between = every(clock, 10, () => void runs++);
  await clock.advance(15);
  between.cancel();
  between[Symbol.dispose]();
  assertEquals(clock.pending, 0);

  let finish = (): void => {};
  const within = every(clock, 10, () => {
    runs++;
    return new Promise((resolve) => finish = resolve);
  });
  await clock.advance(10);
  within.cancel();
  finish();
  await clock.advance(100);
  assertEquals(clock.pending, 0);
  assertEquals(runs, 2);
});

Deno.test("systemClock() tells a time that does not go back, and the date", () => {
  const clock = systemClock();
  const before = clock.now();
  assert(clock.now() >= before);
  assert(clock.unixMs() > Date.UTC(2024, 0));
});

Deno.test("systemClock().after() runs what is due, and nothing that was cancelled", async () => {
  const clock = systemClock();
  const order: string[] = [];
  const cancelled = clock.after(0, () => order.push("cancelled"));
  cancelled.cancel();
  cancelled[Symbol.dispose]();
  await new Promise<void>((resolve) => {
    clock.after(-5, () => order.push("overdue"));
    clock.after(0, resolve);
  });
  assertEquals(order, ["overdue"]);
});

Deno.test("systemClock().after() does not run at once for a delay beyond the platform's longest", async () => {
  const clock = systemClock();
  let ran = false;
  using _far = clock.after(2 ** 40, () => ran = true);
  await new Promise<void>((resolve) => clock.after(5, resolve));
  assertEquals(ran, false);
});

/** Counts the abort listeners that `signal` holds from here on. */
function countListeners(signal: AbortSignal): () => number {
  const held = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  Object.assign(signal, {
    addEventListener: (type: string, run: () => void, options?: AddEventListenerOptions) => {
      held.add(run);
      add(type, run, options);
    },
    removeEventListener: (type: string, run: () => void) => {
      held.delete(run);
      remove(type, run);
    },
  });
  return () => held.size;
}

Deno.test("systemClock().after() does not run before its delay, fractions included", async () => {
  const clock = systemClock();
  const began = clock.now();
  const waits = Array.from({ length: 20 }, (_, index) => {
    const delayMs = 2 + index * 0.99;
    return new Promise<number>((resolve) => {
      clock.after(delayMs, () => resolve(clock.now() - began - delayMs));
    });
  });
  const early = (await Promise.all(waits)).filter((ms) => ms < -0.1);
  assertEquals(early, []);
});
