import { encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { answer, Fixture, text, URL_A } from "./support/fixture.ts";
import type { MemorySocket } from "./support/memory_engine.ts";

const BODY = { method: "POST", path: "/v1/completions", body: [encodeUtf8('{"a":1}')] };

/** Ways an engine's closing of a kept connection meets a request. */
const DEATHS: [name: string, die: (socket: MemorySocket) => void][] = [
  ["end", (socket) => socket.send(null)],
  ["end after an empty read", (socket) => socket.send(new Uint8Array(0), null)],
  ["reset", (socket) => socket.send(new Deno.errors.ConnectionReset("Connection reset by peer"))],
  ["failed write, then end", (socket) => {
    socket.failWrites(new Deno.errors.BrokenPipe("Broken pipe"));
    socket.send(null);
  }],
];

for (const [name, die] of DEATHS) {
  Deno.test(`client.send() sends again on a fresh connection when a kept one is dead: ${name}`, async () => {
    using fixture = new Fixture();
    await fixture.exchange(0);
    const old = await fixture.engines.socket(0);
    const before = old.received.length;
    if (name.startsWith("failed")) old.acceptBytes = 0;
    const sent = fixture.send(BODY);
    die(old);
    const fresh = await fixture.engines.socket(1);
    fresh.send(answer("again"));
    assertEquals(await text(await sent), "again");
    if (!name.startsWith("failed")) assertEquals(fresh.received, old.received.slice(before));
    assert(fresh.received.endsWith('content-length: 7\r\n\r\n{"a":1}'));
    assertEquals(old.closed, true);
    assertEquals(fixture.client.stats(), { open: 1, idle: 1 });
  });
}

Deno.test("client.send() never takes another kept connection to send again", async () => {
  using fixture = new Fixture();
  const both = [fixture.send(), fixture.send()];
  await settle();
  for (const socket of fixture.engines.sockets) socket.send(answer("x"));
  for (const one of both) await text(await one);
  const sent = fixture.send();
  const taken = fixture.engines.sockets.find(({ received }) => received.split("GET").length === 3);
  taken?.send(null);
  (await fixture.engines.socket(2)).send(answer("fresh"));
  assertEquals(await text(await sent), "fresh");
});

for (const replayable of [true, false]) {
  Deno.test(`client.send() gives up the idle connections beside a dead one, replayable ${replayable}`, async () => {
    using fixture = new Fixture();
    const three = [fixture.send(), fixture.send(), fixture.send()];
    await settle();
    for (const socket of fixture.engines.sockets) socket.send(answer("x"));
    for (const one of three) await text(await one);
    assertEquals(fixture.client.stats(), { open: 3, idle: 3 });
    const sent = fixture.send({ ...BODY, replayable });
    const taken = fixture.engines.sockets.find(({ received }) => received.includes("POST"));
    taken?.send(null);
    if (replayable) {
      (await fixture.engines.socket(3)).send(answer("fresh"));
      assertEquals(await text(await sent), "fresh");
    } else assertEquals((await assertRejects(() => sent, RouterError)).code, "upstream-lost");
    assertEquals(fixture.engines.sockets.slice(0, 3).map(({ closed }) => closed), [
      true,
      true,
      true,
    ]);
    const next = fixture.send({ ...BODY, replayable: false });
    if (!replayable) (await fixture.engines.socket(3)).send(answer("next"));
    else fixture.engines.sockets[3]?.send(answer("next"));
    assertEquals(await text(await next), "next");
  });
}

Deno.test("client.send() does not send again after a byte of the response", async () => {
  for (const start of ["H", "HTTP/1.1 100 Continue\r\n\r\n"]) {
    using fixture = new Fixture();
    await fixture.exchange(0);
    const sent = fixture.send(BODY);
    (await fixture.engines.socket(0)).send(start, null);
    const error = await assertRejects(() => sent, RouterError, "before the response head");
    assertEquals(error.code, "upstream-protocol");
    assertEquals(fixture.engines.sockets.length, 1);
  }
});

Deno.test("client.send() does not send again from a fresh connection", async () => {
  for (const [name, die] of DEATHS) {
    using fixture = new Fixture();
    const sent = fixture.send(BODY);
    die(await fixture.engines.socket(0));
    const error = await assertRejects(() => sent, RouterError, "http://10.0.0.1:8000");
    assertEquals([error.code, fixture.engines.sockets.length], ["upstream-protocol", 1], name);
  }
});

Deno.test("client.send() sends again only once", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0);
  const sent = fixture.send(BODY);
  (await fixture.engines.socket(0)).send(null);
  (await fixture.engines.socket(1)).send(null);
  const error = await assertRejects(() => sent, RouterError, "closed before the response head");
  assertEquals([error.code, fixture.engines.sockets.length], ["upstream-protocol", 2]);
});

Deno.test("client.send() does not send again what timed out or was malformed", async () => {
  using fixture = new Fixture();
  await fixture.exchange(0);
  const slow = fixture.send();
  const rejected = assertRejects(() => slow, RouterError, "no response head for 10000 ms");
  await fixture.clock.advance(10_000);
  assertEquals((await rejected).code, "upstream-timeout");
  await fixture.exchange(1);
  const bad = fixture.send();
  (await fixture.engines.socket(1)).send("SMTP");
  await assertRejects(() => bad, RouterError, "not an HTTP/1 response");
  assertEquals(fixture.engines.sockets.length, 2);
});

Deno.test("client.send() gives the second attempt its own time for the head", async () => {
  using fixture = new Fixture({ maxIdleMs: 60_000 });
  await fixture.exchange(0);
  const sent = fixture.send();
  await fixture.clock.advance(9000);
  (await fixture.engines.socket(0)).send(null);
  await fixture.clock.advance(9000);
  (await fixture.engines.socket(1)).send(answer("late"));
  assertEquals(await text(await sent), "late");
});

Deno.test("client.send() does not send again what was aborted meanwhile", async () => {
  for (let turns = 0; turns < 20; turns++) {
    using fixture = new Fixture();
    await fixture.exchange(0);
    const abort = new AbortController();
    const sent = assertRejects(() => fixture.send({ signal: abort.signal }), RouterError);
    (await fixture.engines.socket(0)).send(null);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    abort.abort();
    assertEquals((await sent).code, "client-gone", `after ${turns} turns`);
    assertEquals(fixture.client.stats(), { open: 0, idle: 0 });
  }
});

Deno.test("client.giveUp() ends what waits for an answer's head, and keeps no idle connection", async () => {
  using fixture = new Fixture();
  const [streamed, whole, waits] = [fixture.send(), fixture.send(), fixture.send()];
  const [streaming, idle, waiting] = [
    await fixture.engines.socket(0),
    await fixture.engines.socket(1),
    await fixture.engines.socket(2),
  ];
  idle.send(answer("x"));
  await text(await whole);
  streaming.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
  const stream = await streamed;
  fixture.client.giveUp(URL_A);
  const error = await assertRejects(() => waits, RouterError);
  assertEquals([error.code, waiting.closed, idle.closed], ["upstream-timeout", true, true]);
  streaming.send("cd");
  assertEquals(await text(stream), "abcd");
});

Deno.test("client.giveUp() ends nothing of other engines, and nothing where there is nothing", async () => {
  using fixture = new Fixture();
  fixture.client.giveUp(URL_A);
  const other = fixture.send({ url: "http://10.0.0.2:8000" });
  const socket = await fixture.engines.socket(0);
  fixture.client.giveUp(URL_A);
  socket.send(answer("other"));
  assertEquals(await text(await other), "other");
});
