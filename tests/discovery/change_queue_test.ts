import { ChangeQueue } from "../../lib/discovery/change_queue.ts";
import type { SourceChange } from "../../lib/fleet/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { engineAt } from "../support/router.ts";

const [ONE, OTHER] = ["http://one:1", "http://other:1"].map((url) => ({
  kv: "none" as const,
  ...engineAt(url, "any"),
}));
const A = ONE ?? never();
const B = OTHER ?? never();

function never(): never {
  throw new Error("no engine");
}

async function told(queue: ChangeQueue, count: number): Promise<readonly SourceChange[]> {
  const stop = new AbortController();
  const changes: SourceChange[] = [];
  if (count === 0) return changes;
  for await (const change of queue.read(stop.signal)) {
    changes.push(change);
    if (changes.length === count) stop.abort();
  }
  return changes;
}

Deno.test("ChangeQueue.read() tells how each engine is at last, in the order of first changes", async () => {
  const queue = new ChangeQueue();
  queue.push(A.id, { engine: A, leaving: false });
  queue.push(B.id, { engine: B, leaving: true });
  queue.sync();
  queue.push(A.id, undefined);
  assertEquals(await told(queue, 4), [
    { kind: "remove", id: A.id },
    { kind: "upsert", engine: B },
    { kind: "leaving", id: B.id },
    { kind: "synced" },
  ]);
});

Deno.test("ChangeQueue.read() tells whether an engine sleeps where that is known", async () => {
  const queue = new ChangeQueue();
  queue.push(A.id, { engine: A, leaving: false, asleep: true });
  assertEquals(await told(queue, 1), [{ kind: "upsert", engine: A, asleep: true }]);
});

Deno.test("ChangeQueue.read() waits for what is pushed later, and ends when it is stopped", async () => {
  const queue = new ChangeQueue();
  const stop = new AbortController();
  const reading = queue.read(stop.signal);
  const next = reading.next();
  queue.push(A.id, { engine: A, leaving: false });
  assertEquals(await next, { done: false, value: { kind: "upsert", engine: A } });
  const last = reading.next();
  stop.abort();
  assertEquals(await last, { done: true, value: undefined });
});
