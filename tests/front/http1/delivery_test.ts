import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { Delivery } from "../../../lib/front/http1/delivery.ts";
import { Output } from "../../../lib/front/http1/output.ts";
import { Scratch, SCRATCH_BYTES, Scratches } from "../../../lib/front/http1/scratches.ts";
import { Wheel } from "../../../lib/front/http1/wheel.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import { ScriptedSource, sourceOf } from "./support/sources.ts";

const GET = { method: "GET", minor: 1 } as const;
const DATE = "date: D\r\n";

const FAULT: Answer = { status: 500, headers: [], body: encodeUtf8("fault") };

function setUp(
  onFault: (error: unknown) => Answer = () => FAULT,
): { client: MemoryClient; delivery: Delivery; faults: unknown[] } {
  const client = new MemoryClient();
  const output = new Output(client, new Wheel(new FakeClock(), 800), 800, () => {});
  const faults: unknown[] = [];
  const delivery = new Delivery({
    output,
    scratch: new Scratch(new Scratches()),
    date: encodeUtf8(DATE),
    onFault(error) {
      faults.push(error);
      return onFault(error);
    },
  });
  return { client, delivery, faults };
}

function whole(body: string, headers: Answer["headers"] = []): Answer {
  return { status: 200, headers, body: encodeUtf8(body) };
}

Deno.test("Delivery.send() writes a small answer at once", async () => {
  const { client, delivery } = setUp();
  const delivered = await delivery.send(whole("hello", [["x", "y"]]), GET, true);
  assertEquals(delivered, { complete: true, keepAlive: true });
  assertEquals(client.received, `HTTP/1.1 200 OK\r\n${DATE}x: y\r\ncontent-length: 5\r\n\r\nhello`);
  assertEquals(client.writes.length, 1);
});

Deno.test("Delivery.send() writes the rest of a large answer from where it is", async () => {
  const { client, delivery } = setUp();
  const answer = whole("x".repeat(100_000));
  assertEquals((await delivery.send(answer, GET, true)).complete, true);
  assertEquals(client.writes.length, 2);
  assert(client.writes[1]?.buffer === (answer.body as Uint8Array).buffer);
  assert(client.received.endsWith(`content-length: 100000\r\n\r\n${"x".repeat(100_000)}`));
});

Deno.test("Delivery.send() writes an answer of a large head", async () => {
  const value = "y".repeat(3 * SCRATCH_BYTES);
  const one = setUp();
  await one.delivery.send(whole("body", [["x", value]]), GET, true);
  assert(one.client.received.endsWith(`x: ${value}\r\ncontent-length: 4\r\n\r\nbody`));
  const other = setUp();
  const answer: Answer = { status: 200, headers: [["x", value]], body: sourceOf("piece") };
  await other.delivery.send(answer, GET, true);
  assert(
    other.client.received.endsWith(
      `x: ${value}\r\ntransfer-encoding: chunked\r\n\r\n5\r\npiece\r\n0\r\n\r\n`,
    ),
  );
});

Deno.test("Delivery.send() says what becomes of the connection where that is not plain", async () => {
  const cases: [minor: 0 | 1, mayKeep: boolean, field: string, keepAlive: boolean][] = [
    [1, true, "", true],
    [1, false, "connection: close\r\n", false],
    [0, true, "connection: keep-alive\r\n", true],
    [0, false, "connection: close\r\n", false],
  ];
  for (const [minor, mayKeep, field, keepAlive] of cases) {
    const { client, delivery } = setUp();
    const delivered = await delivery.send(whole(""), { method: "GET", minor }, mayKeep);
    assertEquals(delivered.keepAlive, keepAlive);
    assertEquals(client.received, `HTTP/1.1 200 OK\r\n${DATE}content-length: 0\r\n${field}\r\n`);
  }
});

Deno.test("Delivery.send() ends a stream to HTTP/1.0 with the connection", async () => {
  const { client, delivery } = setUp();
  const answer: Answer = { status: 200, headers: [], body: sourceOf("a", "b") };
  const delivered = await delivery.send(answer, { method: "GET", minor: 0 }, true);
  assertEquals(delivered, { complete: true, keepAlive: false });
  assertEquals(client.received, `HTTP/1.1 200 OK\r\n${DATE}connection: close\r\n\r\nab`);
});

Deno.test("Delivery.send() sends no body to HEAD, and cancels its source", async () => {
  const one = setUp();
  await one.delivery.send(whole("12345"), { method: "HEAD", minor: 1 }, true);
  assertEquals(one.client.received, `HTTP/1.1 200 OK\r\n${DATE}content-length: 5\r\n\r\n`);
  const other = setUp();
  const source = new ScriptedSource();
  const answer: Answer = { status: 200, headers: [], body: source };
  const delivered = await other.delivery.send(answer, { method: "HEAD", minor: 1 }, true);
  assertEquals(delivered, { complete: true, keepAlive: true });
  assertEquals(
    other.client.received,
    `HTTP/1.1 200 OK\r\n${DATE}transfer-encoding: chunked\r\n\r\n`,
  );
  assertEquals([source.reads, source.cancelled], [0, 1]);
});

Deno.test("Delivery.send() answers a fault in place of what cannot be sent, and closes", async () => {
  const source = new ScriptedSource();
  const unsendable: readonly Answer[] = [
    { status: 101, headers: [], body: encodeUtf8("") },
    whole("secret", [["x", "a\r\nb"]]),
    { status: 200, headers: [["x y", "a"]], body: source },
  ];
  for (const answer of unsendable) {
    const { client, delivery, faults } = setUp();
    const delivered = await delivery.send(answer, GET, true);
    assertEquals(delivered, { complete: true, keepAlive: false });
    assertEquals(
      client.received,
      `HTTP/1.1 500 Internal Server Error\r\n${DATE}content-length: 5\r\n` +
        "connection: close\r\n\r\nfault",
    );
    assertEquals(faults.length, 1);
  }
  assertEquals(source.cancelled, 1);
});

Deno.test("Delivery.send() has a last resort", async () => {
  const { client, delivery, faults } = setUp(() => whole("", [["x", "\n"]]));
  await delivery.send(whole("", [["y", "\n"]]), GET, true);
  assert(client.received.startsWith("HTTP/1.1 500 "));
  assert(client.received.endsWith("\r\n\r\nInternal Server Error\n"));
  assertEquals(faults.length, 1);
});

Deno.test("Delivery.send() is not complete where the source breaks", async () => {
  const { delivery } = setUp();
  const answer: Answer = { status: 200, headers: [], body: sourceOf("a", new Error("broken")) };
  assertEquals(await delivery.send(answer, GET, true), { complete: false, keepAlive: false });
});

Deno.test("Delivery.leave() gives a stream up, and lets what is whole go out", async () => {
  const source = new ScriptedSource();
  const one = setUp();
  const sending = one.delivery.send({ status: 200, headers: [], body: source }, GET, true);
  await rest();
  one.delivery.leave();
  assertEquals([(await sending).complete, source.cancelled], [false, 1]);

  const early = new ScriptedSource();
  const other = setUp();
  other.delivery.leave();
  const delivered = await other.delivery.send({ status: 200, headers: [], body: early }, GET, true);
  assertEquals([delivered.complete, early.reads, early.cancelled], [false, 0, 1]);
  assertEquals(other.client.received, "");

  const third = setUp();
  third.delivery.leave();
  assertEquals((await third.delivery.send(whole("a"), GET, false)).complete, true);
});
