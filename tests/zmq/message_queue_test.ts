import { MessageQueue } from "../../lib/zmq/message_queue.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { take } from "./support.ts";

Deno.test("MessageQueue.drain() yields what was pushed, in order, before and while it waits", async () => {
  const queue = new MessageQueue<number>(10);
  queue.push(1);
  queue.push(2);
  const taken = take(queue.drain(), 4);
  await settle();
  queue.push(3);
  await settle();
  queue.push(4);
  assertEquals(await taken, [1, 2, 3, 4]);
});

Deno.test("MessageQueue.drain() leaves what one consumer has not taken to the next", async () => {
  const queue = new MessageQueue<number>(10);
  for (const message of [1, 2, 3]) queue.push(message);
  assertEquals(await take(queue.drain(), 1), [1]);
  queue.push(4);
  assertEquals(await take(queue.drain(), 3), [2, 3, 4]);
});

Deno.test("MessageQueue.room() holds producers while the queue is full", async () => {
  const queue = new MessageQueue<number>(2);
  await queue.room();
  queue.push(1);
  await queue.room();
  queue.push(2);
  assertEquals(queue.full, true);
  let waiting = 2;
  queue.room().then(() => waiting--);
  queue.room().then(() => waiting--);
  await settle();
  assertEquals(waiting, 2);
  const messages = queue.drain();
  assertEquals(await messages.next(), { value: 1, done: false });
  assertEquals(waiting, 0);
  await messages.return();
});

Deno.test("MessageQueue.close() ends the iteration in the middle, and every wait", async () => {
  const queue = new MessageQueue<number>(1);
  for (const message of [1, 2, 3, 4]) queue.push(message);
  const room = queue.room();
  const messages = queue.drain();
  await messages.next();
  queue.push(5);
  queue.close();
  await room;
  for (const message of [6, 7, 8]) queue.push(message);
  await queue.room();
  assertEquals(await messages.next(), { value: undefined, done: true });
  assertEquals(queue.full, false, "nobody waits for room in a closed queue");
  assertEquals(await queue.drain().next(), { value: undefined, done: true });
});

Deno.test("MessageQueue.close() wakes a consumer that waits", async () => {
  const queue = new MessageQueue<number>(2);
  const next = queue.drain().next();
  await settle();
  queue.close();
  assertEquals(await next, { value: undefined, done: true });
});

Deno.test("MessageQueue.fail() throws to the consumer, the first error only", async () => {
  const queue = new MessageQueue<number>(2);
  const next = queue.drain().next();
  await settle();
  queue.fail(new TypeError("first"));
  queue.fail(new TypeError("second"));
  await assertRejects(() => next, TypeError, "first");
  await assertRejects(() => queue.drain().next(), TypeError, "first");
});

Deno.test("MessageQueue.closed holds once it was closed or has failed", () => {
  const queues = [new MessageQueue<number>(1), new MessageQueue<number>(1)] as const;
  assertEquals(queues.map(({ closed }) => closed), [false, false]);
  queues[0].close();
  queues[1].fail(new Error("broken"));
  assertEquals(queues.map(({ closed }) => closed), [true, true]);
});
