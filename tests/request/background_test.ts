import { RouterError, silentLogger } from "../../lib/base/mod.ts";
import { Background } from "../../lib/request/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";

/** Whether `promise` has resolved so far. */
function watched(promise: Promise<void>): { done: boolean } {
  const seen = { done: false };
  promise.then(() => seen.done = true);
  return seen;
}

Deno.test("Background.idle() resolves at once when nothing runs", async () => {
  const background = new Background(silentLogger());
  await background.idle();
  assertEquals([background.size, background.signal.aborted], [0, false]);
});

Deno.test("Background.idle() waits for all work, also for what work begins", async () => {
  const background = new Background(silentLogger());
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const third = Promise.withResolvers<void>();
  background.run(first.promise.then(() => background.run(third.promise)));
  background.run(second.promise);
  assertEquals(background.size, 2);
  const idle = watched(background.idle());
  second.resolve();
  await settle();
  assertEquals([background.size, idle.done], [1, false]);
  first.resolve();
  await settle();
  assertEquals([background.size, idle.done], [1, false]);
  third.resolve();
  await settle();
  assertEquals([background.size, idle.done], [0, true]);
});

Deno.test("Background.run() logs work that fails, and goes on with the rest", async () => {
  const lines: unknown[] = [];
  const error = (message: string, fields: unknown): void => {
    lines.push([message, typeof fields === "function" ? fields() : fields]);
  };
  const background = new Background({ ...silentLogger(), error });
  const other = Promise.withResolvers<void>();
  background.run(other.promise);
  const cause = new TypeError("no such thing");
  background.run(Promise.reject(new RouterError("internal", "Cannot do it", { cause })));
  await settle();
  assertEquals(lines, [["Background work failed", { error: "Cannot do it: no such thing" }]]);
  assertEquals(background.size, 1);
  other.resolve();
  await background.idle();
  assertEquals([background.size, lines.length], [0, 1]);
});

Deno.test("Background asks its work to end when it is disposed, and waits for it", async () => {
  const background = new Background(silentLogger());
  const steps: string[] = [];
  const asked = Promise.withResolvers<void>();
  const last = Promise.withResolvers<void>();
  background.signal.addEventListener("abort", () => asked.resolve(), { once: true });
  background.run(asked.promise.then(async () => {
    steps.push("asked");
    await last.promise;
    steps.push("ended");
  }));
  const disposed = background[Symbol.asyncDispose]().then(() => steps.push("disposed"));
  await settle();
  assertEquals([background.signal.aborted, steps], [true, ["asked"]]);
  last.resolve();
  await disposed;
  assertEquals([background.size, steps], [0, ["asked", "ended", "disposed"]]);
});

Deno.test("Background is disposed any number of times, also while work has just failed", async () => {
  const background = new Background(silentLogger());
  background.run(Promise.reject(new TypeError("at once")));
  await background[Symbol.asyncDispose]();
  await background[Symbol.asyncDispose]();
  assertEquals(background.size, 0);
});
