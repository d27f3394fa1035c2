import { FoundQueue } from "../../lib/discovery/found_queue.ts";
import type { FoundChange } from "../../lib/discovery/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { foundAt } from "./support.ts";

/** Read `count` changes. */
async function read(queue: FoundQueue, count: number): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const change of queue.read(new AbortController().signal)) {
    lines.push(lineOf(change));
    if (lines.length === count) break;
  }
  return lines;
}

function lineOf(change: FoundChange): string {
  if (change.kind === "found") return `+${change.engine.key}`;
  return change.kind === "lost" ? `-${change.key}` : "synced";
}

Deno.test("FoundQueue.read() tells of each engine how it is at last, and syncs behind all", async () => {
  const queue = new FoundQueue();
  queue.sync();
  queue.found(foundAt("a", "http://a:1"));
  queue.found(foundAt("b", "http://b:1"));
  queue.lost("a");
  assertEquals(await read(queue, 3), ["-a", "+b", "synced"]);
  const reading = read(queue, 1);
  queue.found(foundAt("c", "http://c:1"));
  assertEquals(await reading, ["+c"]);
});

Deno.test("FoundQueue.read() ends when it is stopped, and with what it fails with", async () => {
  const queue = new FoundQueue();
  const stop = new AbortController();
  const reading = queue.read(stop.signal).next();
  stop.abort();
  assertEquals((await reading).done, true);
  const failing = read(queue, 1);
  queue.fail(new Error("out of order"));
  await assertRejects(() => failing, Error, "out of order");
});
