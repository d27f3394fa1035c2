import { type FoundChange, FoundQueue } from "../../lib/discovery/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { foundAt } from "./support.ts";

function text(change: FoundChange): string {
  switch (change.kind) {
    case "found":
      return change.engine.raw.url;
    case "lost":
      return `${change.key} lost`;
    default:
      return change.kind;
  }
}

async function collect(queue: FoundQueue, stop: AbortSignal, into: string[]): Promise<void> {
  for await (const change of queue.read(stop)) into.push(text(change));
}

Deno.test("read() tells of each engine how it is at last, and then of being complete", async () => {
  const queue = new FoundQueue();
  const stop = new AbortController();
  const told: string[] = [];
  queue.found(foundAt("a", "http://a"));
  queue.found(foundAt("b", "http://b"));
  queue.found(foundAt("a", "http://a2"));
  queue.lost("b");
  queue.sync();
  const reading = collect(queue, stop.signal, told);
  await settle();
  assertEquals(told, ["http://a2", "b lost", "synced"]);
  queue.found(foundAt("c", "http://c"));
  await settle();
  assertEquals(told.slice(3), ["http://c"]);
  stop.abort();
  await reading;
});

Deno.test("read() ends with what the queue was failed with", async () => {
  const queue = new FoundQueue();
  const reading = collect(queue, new AbortController().signal, []);
  await settle();
  queue.fail(new Error("broken"));
  queue.fail(new Error("later"));
  await assertRejects(() => reading, Error, "broken");
});
