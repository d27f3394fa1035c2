/** Clients that take too long. */
import { LINGER_MS } from "../../../lib/front/http1/lingering.ts";
import { RouterError } from "../../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { MemoryClient, rest } from "./support/memory.ts";
import {
  answerOf,
  LATE_MS,
  LIMITS,
  readAll,
  received,
  request,
  startMemory,
  type TestServer,
  wire,
} from "./support/server.ts";
import { ScriptedSource } from "./support/sources.ts";

function echo(): TestServer {
  return startMemory(async (asked) => answerOf(await readAll(asked)));
}

Deno.test("Connection closes what sends nothing, at first or between requests", async () => {
  await using server = echo();
  const silent = await server.connect();
  await server.clock.advance(LIMITS.keepAliveMs - 1);
  assertEquals(silent.closed, false);
  await server.clock.advance(1 + LATE_MS);
  assertEquals([silent.closed, silent.received], [true, ""]);
  const kept = await server.connect();
  for (let count = 0; count < 3; count++) {
    kept.send(request("/"));
    await server.clock.advance(LIMITS.keepAliveMs - 1);
    assertEquals(kept.closed, false);
  }
  await server.clock.advance(1 + LATE_MS);
  assertEquals(kept.closed, true);
  assertEquals(server.events, Array(2).fill({ kind: "timed-out", why: "idle" }));
});

Deno.test("Connection answers 408 to a head that takes too long, however it drips", async () => {
  await using server = echo();
  const client = await server.connect();
  const head = `GET /${"x".repeat(200)} HTTP/1.1\r\nhost: a\r\n\r\n`;
  for (let at = 0; at < 100; at++) {
    client.send(head.slice(at, at + 1));
    await server.clock.advance(LIMITS.headMs / 101);
  }
  assertEquals(client.received, "");
  await server.clock.advance(LIMITS.headMs / 100 + LATE_MS);
  assertEquals(
    received(client),
    "HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\n" +
      "content-length: 23\r\nconnection: close\r\n\r\nthe head took too long\n",
  );
  assertEquals(server.events, [{ kind: "timed-out", why: "head" }]);
  assertEquals([client.writeClosed, client.closed], [true, false]);
  client.send(head.slice(100));
  await server.clock.advance(LINGER_MS + LATE_MS);
  assertEquals([client.closed, server.requests.length], [true, 0]);
});

Deno.test("Connection gives the head of each request its own time", async () => {
  await using server = echo();
  const client = await server.connect();
  const [first, second] = [request("/").slice(0, 10), request("/").slice(10)];
  for (let count = 0; count < 3; count++) {
    client.send(first);
    await server.clock.advance(LIMITS.headMs - 1);
    client.send(second);
    await rest();
  }
  assertEquals(received(client), wire("").repeat(3));
});

Deno.test("Connection fails a body that stops coming, and answers what is made of it", async () => {
  for (
    const [framing, first, second] of [
      ["content-length: 10", "1", "2"],
      ["transfer-encoding: chunked", "a\r\n1", "2"],
    ]
  ) {
    await using server = startMemory(async (asked) => {
      const error = await assertRejects(() => readAll(asked), RouterError);
      return answerOf(error.message, [], error.code === "client-timeout" ? 408 : 500);
    });
    const client = await server.connect();
    client.send(`POST / HTTP/1.1\r\nhost: a\r\n${framing}\r\n\r\n${first}`);
    await server.clock.advance(LIMITS.bodyIdleMs - 1);
    client.send(second ?? "");
    await server.clock.advance(LIMITS.bodyIdleMs - 1);
    assertEquals(client.received, "", framing);
    await server.clock.advance(LIMITS.bodyIdleMs);
    assert(client.received.startsWith("HTTP/1.1 408 "), client.received);
    assert(received(client).includes("\r\nconnection: close\r\n"), client.received);
    assertEquals(server.events, [{ kind: "timed-out", why: "body" }]);
    client.send(null);
    await rest();
    assertEquals(client.closed, true);
  }
});

Deno.test("Connection does not time a body that its handler does not wait for", async () => {
  const begin = Promise.withResolvers<void>();
  await using server = startMemory(async (asked) => {
    await begin.promise;
    return answerOf(await readAll(asked));
  });
  const client = await server.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n");
  await server.clock.advance(10 * LIMITS.bodyIdleMs);
  begin.resolve();
  await rest();
  client.send("abc");
  await rest();
  assertEquals([received(client), server.events], [wire("abc"), []]);
});

Deno.test("Connection has no limit for a handler, nor for a source that takes its time", async () => {
  const source = new ScriptedSource();
  const begin = Promise.withResolvers<void>();
  await using server = startMemory(async () => {
    await begin.promise;
    return { status: 200, headers: [], body: source };
  });
  const client = await server.connect();
  client.send(request("/"));
  await server.clock.advance(100_000);
  begin.resolve();
  await server.clock.advance(100_000);
  source.give("a");
  await server.clock.advance(100_000);
  source.give(undefined);
  await rest();
  assert(client.received.endsWith("1\r\na\r\n0\r\n\r\n"));
  assertEquals(server.events, []);
});

Deno.test("Connection cuts off a client that takes nothing of its answer", async () => {
  const source = new ScriptedSource();
  const answers = [answerOf("x".repeat(100_000)), { status: 200, headers: [], body: source }];
  for (const answer of answers) {
    await using server = startMemory(() => Promise.resolve(answer));
    const client = await server.connect();
    client.acceptBytes = 50;
    source.give("x".repeat(1_000));
    client.send(request("/"));
    for (let round = 0; round < 3; round++) {
      await server.clock.advance(LIMITS.writeIdleMs - 1);
      assertEquals(client.closed, false);
      client.resumeWrites(10);
    }
    await server.clock.advance(LIMITS.writeIdleMs + LATE_MS);
    assertEquals([client.closed, server.front.connections], [true, 0]);
    assertEquals(server.events, [{ kind: "timed-out", why: "write" }]);
    assertEquals(server.requests[0]?.signal.aborted, true);
  }
  assertEquals(source.cancelled, 1);
});

Deno.test("Connection cuts off a client that does not take word that its body is wanted", async () => {
  await using server = echo();
  const client = await server.connect();
  client.acceptBytes = 0;
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n");
  await server.clock.advance(LIMITS.bodyIdleMs + LATE_MS);
  await server.clock.advance(LIMITS.writeIdleMs);
  assertEquals([client.closed, server.front.connections], [true, 0]);
  assertEquals(server.events.map((event) => "why" in event && event.why), ["body", "write"]);
});

Deno.test("Connection does not pass over a body for long", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n");
  for (let sent = 0; sent < 10; sent++) {
    client.send("x");
    await server.clock.advance(LIMITS.bodyIdleMs / 10);
  }
  await server.clock.advance(LATE_MS);
  assertEquals([client.closed, server.front.connections], [true, 0]);
});

Deno.test("Connection does not wait for long until a client has taken its last answer", async () => {
  await using server = echo();
  const client = await server.connect();
  client.send("GET / HTTP/3.0\r\n\r\n");
  for (let sent = 0; sent < 10; sent++) {
    assertEquals(client.closed, false);
    client.send("x");
    await server.clock.advance(LINGER_MS / 10);
  }
  await server.clock.advance(LATE_MS);
  assertEquals([client.closed, server.front.connections], [true, 0]);
});

Deno.test("Connection has a handshake done within the time of a head", async () => {
  await using server = echo();
  const slow = new MemoryClient();
  const shaking = Promise.withResolvers<void>();
  slow.handshake = () => shaking.promise;
  await server.connect(slow);
  const quick = new MemoryClient();
  quick.handshake = () => Promise.resolve();
  await server.connect(quick);
  quick.send(request("/"));
  await server.clock.advance(LIMITS.headMs - 1);
  assertEquals([slow.closed, slow.reading, received(quick)], [false, false, wire("")]);
  assertEquals(server.events.at(-1), { kind: "timed-out", why: "idle" });
  await server.clock.advance(1 + LATE_MS);
  assertEquals(server.events.at(-1), { kind: "timed-out", why: "head" });
  // Until it ends, the platform holds its descriptor.
  assertEquals(server.front.connections, 1);
  shaking.resolve();
  await rest();
  assertEquals([slow.closed, slow.received, server.front.connections], [true, "", 0]);
});

Deno.test("Connection closes where the handshake fails", async () => {
  await using server = echo();
  const client = new MemoryClient();
  client.handshake = () => Promise.reject(new Deno.errors.InvalidData("no TLS"));
  await server.connect(client);
  assertEquals([client.closed, server.front.connections, server.events], [true, 0, []]);
});

Deno.test("Connection's limits share one timer, which is gone with the last connection", async () => {
  await using server = echo();
  assertEquals(server.clock.pending, 0);
  const clients: MemoryClient[] = [];
  // Few enough not to fill a turn.
  for (let count = 0; count < 7; count++) clients.push(await server.connect());
  for (const client of clients) client.send(request("/", "abc"));
  await rest();
  assertEquals(server.clock.pending, 1);
  for (const client of clients) client.send(null);
  await rest();
  assertEquals([server.front.connections, server.clock.pending], [0, 0]);
});

Deno.test("Connection is closed behind as many requests as there may be", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")), {
    limits: { maxRequests: 3 },
  });
  const client = await server.connect();
  for (let count = 0; count < 2; count++) {
    client.send(request("/"));
    await rest();
  }
  assertEquals([received(client), client.closed], [wire("").repeat(2), false]);
  client.send(request("/"));
  await rest();
  assert(received(client).endsWith("\r\nconnection: close\r\n\r\n"));
  assertEquals([client.closed, server.requests.length], [true, 3]);
});
