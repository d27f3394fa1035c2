/** The server on real TCP sockets. */
import { RouterError, systemClock } from "../../../lib/base/mod.ts";
import { createUpstreamClient } from "../../../lib/upstream/mod.ts";
import type { FrontRequest } from "../../../lib/front/contract/mod.ts";
import type { Answer } from "../../../lib/request/mod.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { eventually } from "../../support/eventually.ts";
import { answerOf, readAll, request, wire } from "./support/server.ts";
import { RawClient, startSockets } from "./support/sockets.ts";
import { ScriptedSource, sourceOf } from "./support/sources.ts";

Deno.test.sanitizer({ ops: true, resources: true });

async function echo(asked: FrontRequest): Promise<Answer> {
  return answerOf(`${asked.method} ${asked.target} ${await readAll(asked)}`);
}

Deno.test("startHttp1() takes any free port, and serves there", async () => {
  await using server = startSockets(echo);
  const { hostname, port } = server.front.addr;
  assertEquals([hostname, port > 0], ["127.0.0.1", true]);
  const response = await fetch(`http://127.0.0.1:${port}/a?b`, { method: "POST", body: "hello" });
  assertEquals([response.status, await response.text()], [200, "POST /a?b hello"]);
});

Deno.test("startHttp1() throws where the address is taken", async () => {
  await using server = startSockets(echo);
  assertThrows(() => startSockets(echo, { port: server.port }), Deno.errors.AddrInUse);
});

Deno.test("startHttp1() serves fetch with bodies, streams and kept connections", async () => {
  const source = (): ScriptedSource => sourceOf("data: 1\n\n", "data: 2\n\n");
  await using server = startSockets(async (asked) => {
    const body = await readAll(asked);
    return asked.target === "/stream"
      ? { status: 200, headers: [["content-type", "text/event-stream"]], body: source() }
      : answerOf(`${body.length}`);
  });
  const url = `http://127.0.0.1:${server.port}`;
  const large = "x".repeat(3_000_000);
  assertEquals(await (await fetch(url, { method: "POST", body: large })).text(), "3000000");
  const stream = new Blob(["a".repeat(70_000), "b"]).stream();
  assertEquals(await (await fetch(url, { method: "POST", body: stream })).text(), "70001");
  assertEquals(await (await fetch(`${url}/stream`)).text(), "data: 1\n\ndata: 2\n\n");
  const head = await fetch(url, { method: "HEAD" });
  assertEquals([head.headers.get("content-length"), await head.text()], ["1", ""]);
  assert(server.front.connections <= 3, `${server.front.connections} connections`);
});

Deno.test("startHttp1() serves the upstream client on one connection", async () => {
  await using server = startSockets(echo);
  using client = createUpstreamClient({ clock: systemClock() });
  for (let count = 0; count < 5; count++) {
    using response = await client.send({
      method: "POST",
      url: `http://127.0.0.1:${server.port}`,
      path: `/${count}`,
      headers: [],
      body: [new TextEncoder().encode("body")],
      connectTimeoutMs: 5_000,
      headTimeoutMs: 5_000,
      idleTimeoutMs: 5_000,
    });
    const text = new TextDecoder().decode(await response.readAll(1_000));
    assertEquals(text, `POST /${count} body`);
  }
  assertEquals([server.front.connections, client.stats()], [1, { open: 1, idle: 1 }]);
});

Deno.test("startHttp1() answers pipelined requests in order", async () => {
  await using server = startSockets(echo);
  using client = await RawClient.connect(server.port);
  const targets = Array.from({ length: 500 }, (_, index) => `/${index}`);
  const sending = client.send(
    ...targets.map((target, index) => request(target, "b".repeat(index))),
  );
  for (const [index, target] of targets.entries()) {
    const method = index === 0 ? "GET" : "POST";
    const expected = wire(`${method} ${target} ${"b".repeat(index)}`);
    assertEquals(await client.until(`${method} ${target} ${"b".repeat(index)}`), expected);
  }
  await sending;
});

Deno.test("startHttp1() answers one that shuts its side down behind its request", async () => {
  await using server = startSockets(echo);
  using client = await RawClient.connect(server.port);
  await client.send(request("/a"));
  await client.conn.closeWrite();
  assert((await client.all()).endsWith("\r\n\r\nGET /a "));
});

Deno.test("startHttp1() answers one that shuts its side down and waits, whole or as a stream", async () => {
  for (const target of ["/whole", "/stream"]) {
    const source = new ScriptedSource();
    const done = Promise.withResolvers<Answer>();
    await using server = startSockets(() =>
      target === "/whole"
        ? done.promise
        : Promise.resolve({ status: 200, headers: [], body: source })
    );
    using client = await RawClient.connect(server.port);
    await client.send(request(target, "body"));
    await client.conn.closeWrite();
    // Two of what is written to see whether it is there.
    await client.until(target === "/whole" ? "Continue\r\n\r\nHTTP/1.1 100" : "\r\n\r\n00");
    source.give("last", undefined);
    done.resolve(answerOf("last"));
    const text = await client.all();
    assert(text.includes("last"), text);
  }
});

Deno.test("startHttp1() notices one that leaves before a long answer", async () => {
  for (const reset of [false, true]) {
    const gone = Promise.withResolvers<void>();
    await using server = startSockets(async (asked) => {
      const { signal } = asked;
      await readAll(asked);
      await new Promise<void>((resolve) => signal.addEventListener("abort", resolve));
      gone.resolve();
      return answerOf("");
    });
    using client = await RawClient.connect(server.port);
    const continues = "HTTP/1.1 100 Continue\r\n\r\n";
    await client.send(
      "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n",
    );
    await eventually(() => server.front.connections === 1);
    // Closing with bytes unread resets the connection.
    if (!reset) await client.until(continues);
    await client.send("body");
    client[Symbol.dispose]();
    await gone.promise;
    await eventually(() => server.front.connections === 0);
  }
});

Deno.test("startHttp1() notices one that leaves, or resets, during a stream", async () => {
  for (const reset of [false, true]) {
    const source = new ScriptedSource();
    await using server = startSockets(() =>
      Promise.resolve({ status: 200, headers: [], body: source })
    );
    using client = await RawClient.connect(server.port);
    await client.send(request("/"));
    source.give("data: 1\n\n");
    // Closing with bytes unread resets the connection.
    if (!reset) await client.until("data: 1\n\n");
    else await eventually(() => source.reads === 2);
    client[Symbol.dispose]();
    await eventually(() => source.cancelled === 1 && server.front.connections === 0);
  }
});

Deno.test("startHttp1() cuts off a slow reader, and no other", async () => {
  const piece = new Uint8Array(256 * 1024);
  const sources: { cancelled: number; reads: number }[] = [];
  await using server = startSockets(() => {
    const state = { cancelled: 0, reads: 0 };
    sources.push(state);
    return Promise.resolve({
      status: 200,
      headers: [],
      body: {
        read: () => Promise.resolve(state.reads++ < 200 ? piece : undefined),
        cancel: () => void state.cancelled++,
      },
    });
  }, { limits: { writeIdleMs: 200 } });
  using slow = await RawClient.connect(server.port);
  await slow.send(request("/"));
  await eventually(() => sources[0]?.cancelled === 1);
  assert((sources[0]?.reads ?? 0) < 100, `${sources[0]?.reads} pieces read`);
  assertEquals(server.events, [{ kind: "timed-out", why: "write" }]);
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assertEquals((await response.bytes()).length, 200 * piece.length);
  assertEquals(sources[1]?.cancelled, 0);
});

Deno.test("startHttp1() gives a client its 413 that sends a large body first and reads then", async () => {
  await using server = startSockets(() => Promise.resolve(answerOf("too large", [], 413)));
  using client = await RawClient.connect(server.port);
  const size = 20_000_000;
  await client.send(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${size}\r\n\r\n`);
  await client.send(new Uint8Array(size));
  const text = await client.all();
  assert(text.startsWith("HTTP/1.1 413 Content Too Large\r\n"), text.slice(0, 100));
  assert(text.endsWith("\r\n\r\ntoo large"));
});

Deno.test("startHttp1() says 100 to a client that waits for it", async () => {
  await using server = startSockets(echo);
  using client = await RawClient.connect(server.port);
  await client.send(
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n",
  );
  assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  await client.send("body");
  assertEquals(await client.until("POST / body"), wire("POST / body"));
});

Deno.test("startHttp1() serves 200 connections at once", async () => {
  let most = 0;
  await using server = startSockets(async (asked) => {
    most = Math.max(most, server.front.connections);
    return await echo(asked);
  });
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => RawClient.connect(server.port)),
  );
  await eventually(() => server.front.connections === 200);
  for (let round = 0; round < 3; round++) {
    await Promise.all(clients.map(async (client, index) => {
      const body = `body ${index} `.repeat(index);
      await client.send(request(`/${index}`, body || "x"));
      await client.until(`POST /${index} ${body || "x"}`);
    }));
  }
  for (const client of clients) client[Symbol.dispose]();
  await eventually(() => server.front.connections === 0);
  assertEquals([most, server.events], [200, []]);
});

Deno.test("startHttp1() tells who comes too many why", async () => {
  await using server = startSockets(echo, { limits: { maxConnections: 2 } });
  using _one = await RawClient.connect(server.port);
  using _two = await RawClient.connect(server.port);
  await eventually(() => server.front.connections === 2);
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assertEquals([response.status, await response.text()], [503, "Too many connections\n"]);
});

Deno.test("startHttp1() lets a body fail whose client has gone", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using server = startSockets(async (asked) => {
    await readAll(asked).catch(failed.resolve);
    return answerOf("");
  });
  using client = await RawClient.connect(server.port);
  await client.send(request("/", "x".repeat(1000)).slice(0, -1));
  client[Symbol.dispose]();
  const error = await failed.promise;
  assert(error instanceof RouterError && error.code === "client-gone", `${error}`);
});

Deno.test("startHttp1() gives everything back on shutdown, with clients in every state", async () => {
  const begun = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = startSockets(async (asked) => {
    begun.resolve();
    await release.promise;
    return await echo(asked);
  });
  using idle = await RawClient.connect(server.port);
  using busy = await RawClient.connect(server.port);
  await busy.send(request("/busy"));
  await begun.promise;
  await eventually(() => server.front.connections === 2);
  const ending = server.front.shutdown();
  assertEquals(await idle.all(), "");
  release.resolve();
  assert((await busy.all()).endsWith("connection: close\r\n\r\nGET /busy "));
  await ending;
});
