import { RouterError } from "../../lib/base/mod.ts";
import { boundedCall } from "../../lib/hooks/bounded_call.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const NEVER = (): Promise<never> => new Promise(() => {});

Deno.test("boundedCall() gives what the call gives, at once or later, and leaves no timer", async () => {
  const clock = new FakeClock();
  const { signal } = new AbortController();
  assertEquals(await boundedCall("it", { clock, timeoutMs: 10, signal }, () => 1), 1);
  const later = boundedCall("it", { clock, timeoutMs: 10, signal }, () => Promise.resolve(2));
  assertEquals(await later, 2);
  assertEquals(clock.pending, 0);
});

Deno.test("boundedCall() rejects what throws, what is late, and what nobody waits for", async () => {
  const clock = new FakeClock();
  const leaving = new AbortController();
  const { signal } = leaving;
  const bounds = { clock, timeoutMs: 10, signal };
  for (
    const call of [() => {
      throw new Error("no");
    }, () => Promise.reject(new Error("no"))]
  ) {
    const error = await assertRejects(() => boundedCall("it", bounds, call), RouterError);
    assertEquals([error.code, error.message], ["internal", "it failed"]);
    assertStringIncludes(String(error.cause), "no");
  }
  const late = assertRejects(() => boundedCall("it", bounds, NEVER), RouterError);
  await clock.advance(10);
  assertEquals((await late).code, "request-timeout");
  const left = assertRejects(() => boundedCall("it", bounds, NEVER), RouterError);
  leaving.abort();
  assertEquals((await left).code, "client-gone");
  const gone = await assertRejects(() => boundedCall("it", bounds, NEVER), RouterError);
  assertEquals([gone.code, clock.pending], ["client-gone", 0]);
});
