import { RouterError } from "../../lib/base/mod.ts";
import { orAborted } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { settle } from "../support/fake_clock.ts";

const FAILURE = new RouterError("decode-failed", "Decode failed");

/** Rejections that nobody has taken while `run` ran, and a turn of the event loop after it. */
async function unhandledIn(run: () => Promise<void>): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  const note = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    seen.push(event.reason);
  };
  addEventListener("unhandledrejection", note);
  try {
    await run();
    await nextTurn();
    return seen;
  } finally {
    removeEventListener("unhandledrejection", note);
  }
}

/** Resolves in the next turn of the event loop: rejections are told of between two. */
function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const { promise, resolve } = Promise.withResolvers<void>();
  port1.onmessage = () => {
    for (const port of [port1, port2]) port.close();
    resolve();
  };
  port2.postMessage(undefined);
  return promise;
}

Deno.test("orAborted() gives what the work gives, and leaves no listener", async () => {
  const { signal, count } = countedSignal();
  const work = Promise.withResolvers<string>();
  const end = orAborted(work.promise, signal);
  assertEquals(count(), 1);
  work.resolve("done");
  assertEquals(await end, "done");
  await settle();
  assertEquals(count(), 0);
});

Deno.test("orAborted() rejects as the work does, and leaves no listener", async () => {
  const { signal, count } = countedSignal();
  const work = Promise.withResolvers<string>();
  const end = orAborted(work.promise, signal);
  work.reject(FAILURE);
  assert(await assertRejects(() => end, RouterError) === FAILURE);
  await settle();
  assertEquals(count(), 0);
});

Deno.test("orAborted() ends at once when its signal aborts, and the work goes on", async () => {
  const { controller, signal } = countedSignal();
  const work = Promise.withResolvers<string>();
  let done = false;
  const end = orAborted(work.promise.finally(() => done = true), signal);
  controller.abort();
  assertEquals(await end, "aborted");
  assertEquals(done, false);
  work.resolve("late");
  await settle();
  assertEquals(done, true);
});

Deno.test("orAborted() is aborted by a signal that has aborted before, and adds no listener", async () => {
  const { controller, signal, count } = countedSignal();
  controller.abort();
  const { promise: endless } = Promise.withResolvers<string>();
  assertEquals(await orAborted(endless, signal), "aborted");
  // Also when the work is over: the one that asks has gone.
  assertEquals(await orAborted(Promise.resolve("done"), signal), "aborted");
  assertEquals(count(), 0);
});

for (
  const [when, abortFirst] of [["before it was asked", true], ["while it waited", false]] as const
) {
  Deno.test(`orAborted() takes the failure of work whose asker left ${when}`, async () => {
    const unhandled = await unhandledIn(async () => {
      const { controller, signal } = countedSignal();
      const work = Promise.withResolvers<string>();
      if (abortFirst) controller.abort();
      const end = orAborted(work.promise, signal);
      controller.abort();
      assertEquals(await end, "aborted");
      work.reject(FAILURE);
      await settle();
    });
    assertEquals(unhandled, []);
  });
}

Deno.test("a failure that nobody takes would be seen", async () => {
  const unhandled = await unhandledIn(async () => {
    Promise.reject(FAILURE);
    await settle();
  });
  assertEquals(unhandled, [FAILURE]);
});
