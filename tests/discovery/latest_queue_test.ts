import { LatestQueue } from "../../lib/discovery/latest_queue.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

const NEVER = new AbortController().signal;

type Told = string | { readonly kind: "synced" };

const tell = (name: string, state: number | undefined): readonly string[] => [`${name} ${state}`];

async function next(reading: AsyncGenerator<Told>): Promise<Told | undefined> {
  const { done, value } = await reading.next();
  return done === true ? undefined : value;
}

Deno.test("LatestQueue.read() tells how each name is at last, in the order of first changes", async () => {
  const queue = new LatestQueue<number>();
  queue.push("a", 1);
  queue.push("b", 2);
  queue.push("a", 3);
  queue.sync();
  queue.push("b", undefined);
  const reading = queue.read(NEVER, tell);
  assertEquals([await next(reading), await next(reading), await next(reading)], [
    "a 3",
    "b undefined",
    { kind: "synced" },
  ]);
  await reading.return(undefined);
});

Deno.test("LatestQueue.read() waits for what comes, and ends when it is stopped", async () => {
  const queue = new LatestQueue<number>();
  const stop = new AbortController();
  const reading = queue.read(stop.signal, tell);
  const first = next(reading);
  queue.push("a", 1);
  assertEquals(await first, "a 1");
  const last = next(reading);
  stop.abort();
  assertEquals(await last, undefined);
});

Deno.test("LatestQueue.fail() ends the reading with its first error", async () => {
  const queue = new LatestQueue<number>();
  queue.push("a", 1);
  queue.fail(new Error("one"));
  queue.fail(new Error("two"));
  const error = await assertRejects(() => queue.read(NEVER, tell).next(), Error);
  assertEquals(error.message, "one");
});
