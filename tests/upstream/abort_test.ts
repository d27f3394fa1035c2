import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { answer, Fixture, lateConnection, text } from "./support/fixture.ts";
import { countedSignal } from "../support/counted_signal.ts";

Deno.test("client.send() with an aborted signal does nothing", async () => {
  using fixture = new Fixture();
  const signal = AbortSignal.abort(new Error("left"));
  const error = await assertRejects(() => fixture.send({ signal }), RouterError, "was aborted");
  assertEquals(error.code, "client-gone");
  assertEquals(error.cause, signal.reason);
  assertEquals(fixture.engines.sockets.length, 0);
});

Deno.test("client.send() aborted while connecting ends at once and closes a late connection", async () => {
  const late = lateConnection();
  using fixture = new Fixture({ dial: late.dial });
  const { controller, signal, count } = countedSignal();
  const sent = assertRejects(() => fixture.send({ signal }), RouterError);
  await settle();
  controller.abort();
  assertEquals((await sent).code, "client-gone");
  assertEquals([count(), fixture.clock.pending], [0, 0]);
  late.arrive();
  await settle();
  assertEquals([late.closed(), fixture.client.stats().open], [1, 0]);
});

Deno.test("client.send() aborted around the moment of connecting closes the connection", async () => {
  for (let turns = 0; turns < 20; turns++) {
    using fixture = new Fixture();
    const { controller, signal, count } = countedSignal();
    const sent = assertRejects(() => fixture.send({ signal }), RouterError);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    controller.abort();
    assertEquals((await sent).code, "client-gone", `after ${turns} turns`);
    await settle();
    assertEquals(fixture.engines.sockets.map(({ closed }) => closed), [true]);
    assertEquals(count(), 0);
  }
});

Deno.test("client.send() aborted while it waits for the head closes the socket at once", async () => {
  using fixture = new Fixture();
  const { controller, signal, count } = countedSignal();
  const sent = assertRejects(() => fixture.send({ signal }), RouterError);
  const socket = await fixture.engines.socket(0);
  assertEquals(count(), 1);
  controller.abort();
  assertEquals(socket.closed, true);
  assertEquals((await sent).code, "client-gone");
  assertEquals(count(), 0);
});

Deno.test("client.send() aborted while it writes closes the socket at once", async () => {
  using fixture = new Fixture();
  fixture.engines.onConnect = (socket) => socket.acceptBytes = 10;
  const controller = new AbortController();
  const sent = assertRejects(
    () => fixture.send({ signal: controller.signal, method: "POST", body: [encodeUtf8("x")] }),
    RouterError,
  );
  const socket = await fixture.engines.socket(0);
  controller.abort();
  assertEquals([socket.closed, (await sent).code], [true, "client-gone"]);
});

Deno.test("response.read() is rejected by an abort, whether it waits or comes later", async () => {
  for (const waits of [true, false]) {
    using fixture = new Fixture();
    const { controller, signal, count } = countedSignal();
    const sent = fixture.send({ signal });
    const socket = await fixture.engines.socket(0);
    socket.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na");
    using response = await sent;
    await response.read();
    const reading = waits ? assertRejects(() => response.read(), RouterError) : undefined;
    controller.abort();
    assertEquals([socket.closed, fixture.client.stats().open], [true, 0]);
    const error = await (reading ?? assertRejects(() => response.read(), RouterError));
    assertEquals(error.code, "client-gone");
    assertEquals(count(), 0);
  }
});

Deno.test("response.read() and client.send() give nothing that arrives with an abort", async () => {
  using fixture = new Fixture();
  const { controller, signal } = countedSignal();
  const sent = fixture.send({ signal });
  const socket = await fixture.engines.socket(0);
  socket.send("HTTP/1.1 200 OK\r\n\r\n");
  using response = await sent;
  const reading = assertRejects(() => response.read(), RouterError);
  const other = assertRejects(() => fixture.send({ signal }), RouterError);
  const second = await fixture.engines.socket(1);
  socket.send("late");
  second.send(answer("late"));
  controller.abort();
  assertEquals((await reading).code, "client-gone");
  assertEquals((await other).code, "client-gone");
});

Deno.test("response.read() gives nothing after an abort, even if it has arrived", async () => {
  using fixture = new Fixture();
  const controller = new AbortController();
  const sent = fixture.send({ signal: controller.signal });
  (await fixture.engines.socket(0)).send(answer("arrived"));
  using response = await sent;
  controller.abort();
  const error = await assertRejects(() => response.read(), RouterError);
  assertEquals(error.code, "client-gone");
});

Deno.test("client leaves no listener on a signal that outlives its requests", async () => {
  using fixture = new Fixture();
  const { controller, signal, count } = countedSignal();
  await fixture.exchange(0, answer("ok"), { signal });
  assertEquals(count(), 0, "after a whole response");
  await fixture.exchange(0, "HTTP/1.1 204 No\r\n\r\n", { signal });
  assertEquals(count(), 0, "after a response without body");
  const sent = fixture.send({ signal });
  (await fixture.engines.socket(0)).send("HTTP/1.1 200 OK\r\n\r\nabc");
  (await sent)[Symbol.dispose]();
  assertEquals(count(), 0, "after an early disposal");
  await assertRejects(() => fixture.exchange(1, "garbage", { signal }), RouterError);
  assertEquals(count(), 0, "after a malformed head");
  await fixture.exchange(2, answer("ok"), { signal });
  const again = fixture.send({ signal });
  (await fixture.engines.socket(2)).send(null);
  (await fixture.engines.socket(3)).send(answer("ok"));
  await text(await again);
  assertEquals(count(), 0, "after a second attempt");
  controller.abort();
  assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
});

Deno.test("client disposed rejects what is under way, and later requests", async () => {
  const fixture = new Fixture();
  await fixture.exchange(0);
  const body = fixture.send();
  (await fixture.engines.socket(0)).send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na");
  const response = await body;
  await response.read();
  const reading = assertRejects(() => response.read(), RouterError);
  const head = assertRejects(() => fixture.send(), RouterError);
  await settle();
  fixture[Symbol.dispose]();
  fixture.client[Symbol.dispose]();
  assertEquals((await reading).code, "shutting-down");
  assertEquals((await head).code, "shutting-down");
  const later = await assertRejects(() => fixture.send(), RouterError, "shutting down");
  assertEquals(later.code, "shutting-down");
});

Deno.test("client disposed while connecting rejects and closes a late connection", async () => {
  const late = lateConnection();
  const fixture = new Fixture({ dial: late.dial });
  const sent = assertRejects(() => fixture.send(), RouterError);
  await settle();
  fixture[Symbol.dispose]();
  assertEquals((await sent).code, "shutting-down");
  late.arrive();
  await settle();
  assertEquals(late.closed(), 1);
});

Deno.test("client disposed around the moment of connecting closes the connection", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const fixture = new Fixture();
    const sent = assertRejects(() => fixture.send(), RouterError);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    fixture.client[Symbol.dispose]();
    assertEquals((await sent).code, "shutting-down", `after ${turns} turns`);
    await settle();
    fixture[Symbol.dispose]();
  }
});
