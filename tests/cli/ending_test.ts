import { RouterError } from "../../lib/base/mod.ts";
import { INTERRUPTED, settled } from "../../lib/cli/ending.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

Deno.test("settled() resolves without an error when the work is done, and leaves no timer", async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<string>();
  const ended = settled(work.promise, clock, 1_000);
  assertEquals(clock.pending, 1);
  work.resolve("done");
  assertEquals(await ended, {});
  assertEquals(clock.pending, 0);
});

Deno.test("settled() tells what the work was rejected with", async () => {
  const clock = new FakeClock();
  const error = new Error("broken");
  assertEquals(await settled(Promise.reject(error), clock, 1_000), { error });
  assertEquals(clock.pending, 0);
});

Deno.test("settled() tells of work that rejects with nothing", async () => {
  const ended = await settled(Promise.reject(undefined), new FakeClock(), 1_000);
  assertEquals(Object.keys(ended), ["error"]);
});

Deno.test("settled() waits for no longer than it is told to, whatever comes later", async () => {
  const clock = new FakeClock();
  const work = Promise.withResolvers<void>();
  let end: { readonly error?: unknown } | undefined;
  const ended = settled(work.promise, clock, 2_500).then((told) => end = told);
  await clock.advance(2_499);
  assertEquals(end, undefined);
  await clock.advance(1);
  work.reject(new Error("too late"));
  await ended;
  await settle();
  assert(end?.error instanceof RouterError);
  assertEquals([end.error.code, end.error.message], ["internal", "not done within 2.5 s"]);
  assertEquals(clock.pending, 0);
});

Deno.test("INTERRUPTED is what shells make of SIGINT", () => {
  assertEquals(INTERRUPTED, 128 + 2);
});
