/** Requests and answers on one connection. */
import { encodeUtf8 } from "../../../lib/base/mod.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { TurnClock } from "../../support/turn_clock.ts";
import { allCuts } from "../../support/cuts.ts";
import { WINDOW_BYTES } from "../../../lib/front/http1/intake.ts";
import { rest } from "./support/memory.ts";
import { answerOf, readAll, received, request, startMemory, wire } from "./support/server.ts";
import { ScriptedSource, sourceOf } from "./support/sources.ts";

Deno.test("Connection answers requests one after the other", async () => {
  await using server = startMemory((asked) =>
    Promise.resolve(answerOf(asked.target, [["x-method", asked.method]]))
  );
  const client = await server.connect();
  for (const target of ["/a", "/b?c=d", "/e"]) {
    client.send(request(target));
    await rest();
  }
  const fields = ["x-method: GET"];
  assertEquals(received(client), ["/a", "/b?c=d", "/e"].map((t) => wire(t, { fields })).join(""));
  assertEquals([client.writes.length, client.closed, client.reading], [3, false, true]);
  assertEquals(server.requests[0]?.remote, { hostname: "10.0.0.1", port: 40_000 });
});

Deno.test("Connection gives its handler method, target, fields and no body", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("")));
  const client = await server.connect();
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n");
  await rest();
  client.send("GET http://b:80/c?d HTTP/1.1\r\nhost: a\r\n\r\n");
  await rest();
  const [first, second] = server.requests;
  assertEquals([first?.method, first?.target, first?.headers.get("x-a")], ["OPTIONS", "*", "1, 2"]);
  assertEquals([...first?.headers ?? []], [["host", "a"], ["x-a", "1"], ["x-a", "2"]]);
  assertEquals([second?.target, second?.headers.get("host")], ["/c?d", "a"]);
  assertEquals([first?.body.length, await first?.body.read()], [0, undefined]);
});

Deno.test("Connection answers pipelined requests in order, one at a time", async () => {
  const waiting: (() => void)[] = [];
  await using server = startMemory(async ({ target }) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return answerOf(target);
  });
  const client = await server.connect();
  client.send(request("/a") + request("/b", "body of b") + request("/c"));
  for (const expected of ["/a", "/b", "/c"]) {
    await rest();
    assertEquals([waiting.length, server.requests.at(-1)?.target], [1, expected]);
    waiting.pop()?.();
  }
  await rest();
  assertEquals(received(client), wire("/a") + wire("/b") + wire("/c"));
});

Deno.test("Connection reads pipelined requests ahead up to a bound", async () => {
  const release = Promise.withResolvers<void>();
  await using server = startMemory(async ({ target }) => {
    await release.promise;
    return answerOf(target);
  });
  const client = await server.connect();
  const one = request("/x".repeat(100));
  const count = 200;
  let sent = 0;
  for (; sent < count; sent++) client.send(one);
  for (let turn = 0; turn < 5; turn++) await rest();
  const reads = Math.floor(WINDOW_BYTES / one.length) + 2;
  assertEquals([server.requests.length, client.reading], [1, false]);
  assert(client.unread >= count - reads, `${client.unread} pieces unread`);
  release.resolve();
  for (let turn = 0; turn < 100; turn++) {
    await rest();
    await server.clock.advance(0);
  }
  assertEquals([server.requests.length, client.writes.length], [count, count]);
});

Deno.test("Connections let others have their turn after each 64 requests they were sent ahead", async () => {
  const clock = new TurnClock();
  await using server = startMemory(({ target }) => Promise.resolve(answerOf(target)), { clock });
  const clients = [];
  for (let index = 0; index < 4; index++) {
    const client = await server.connect();
    for (let sent = 0; sent < 100; sent++) client.send(request("/x"));
    clients.push(client);
  }
  await clock.rest();
  let before = server.requests.length;
  let most = before;
  while (server.requests.length < 400) {
    await clock.turn();
    most = Math.max(most, server.requests.length - before);
    before = server.requests.length;
  }
  // Beside those counted, the first of each connection.
  assert(most <= 16 + 4 + 1, `${most} requests in one turn`);
  await clock.turn();
  for (const client of clients) assertEquals(received(client), wire("/x").repeat(100));
});

Deno.test("Connections that ask at once are begun 16 in a turn", async () => {
  const clock = new TurnClock();
  await using server = startMemory(({ target }) => Promise.resolve(answerOf(target)), {
    clock,
    limits: { maxConnections: 200, maxPerAddress: 200 },
  });
  const clients = [];
  for (let index = 0; index < 200; index++) {
    const client = await server.connect();
    client.send(request("/x"));
    clients.push(client);
  }
  await clock.rest();
  const begun = [server.requests.length];
  for (let turn = 0; turn < 12; turn++) {
    await clock.turn();
    begun.push(server.requests.length);
  }
  assertEquals(begun, [16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 200]);
  await clock.turn();
  for (const client of clients) assertEquals(received(client), wire("/x"));
});

Deno.test("Connection that is ended while others have their turn answers what waits, and closes", async () => {
  const clock = new TurnClock();
  await using server = startMemory(({ target }) => Promise.resolve(answerOf(target)), { clock });
  const client = await server.connect();
  client.send(request("/x").repeat(100));
  await clock.rest();
  const { length } = server.requests;
  assert(length < 100, `${length} requests`);
  client.send(null);
  await clock.rest();
  await clock.turn();
  assertEquals([server.requests.length, client.closed], [length + 1, true]);
});

const BODIES: readonly (readonly [what: string, length: number])[] = [
  ["a small body", 20],
  ["a body larger than the window", 3 * WINDOW_BYTES + 7],
  ["a body of several buffers", 100_000],
];

for (const [what, length] of BODIES) {
  Deno.test(`Connection hands on ${what}, cut anywhere, and then the next request`, async () => {
    const body = "0123456789".repeat(length / 10);
    const chunked = `POST /chunked HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n` +
      `${body.length.toString(16)};x\r\n${body}\r\n0\r\nt: u\r\n\r\n`;
    const bytes = encodeUtf8(request("/a", body) + chunked + request("/c", "d"));
    const all = length > 100 ? [...allCuts(bytes, 2)].filter(({ name }) => name[0] !== "b") : [
      ...allCuts(bytes),
    ];
    for (const { name, pieces } of all) {
      const bodies: string[] = [];
      await using server = startMemory(async (asked) => {
        bodies.push(await readAll(asked));
        return answerOf(asked.target);
      });
      const client = await server.connect();
      for (const piece of pieces) client.send(piece);
      for (let turn = 0; turn < pieces.length / 10 + 20; turn++) await rest();
      assertEquals(bodies.map(({ length }) => length), [body.length, body.length, 1], name);
      assert(bodies[0] === body && bodies[1] === body, name);
      assertEquals(received(client), wire("/a") + wire("/chunked") + wire("/c"), name);
      assertEquals(server.requests.map(({ body }) => body.length), [body.length, undefined, 1]);
    }
  });
}

Deno.test("Connection reads a body as its handler does, with one buffer ahead", async () => {
  const release = Promise.withResolvers<void>();
  const bodies: string[] = [];
  await using server = startMemory(async (asked) => {
    await release.promise;
    bodies.push(await readAll(asked));
    return answerOf("");
  });
  const client = await server.connect();
  const body = "x".repeat(1_000_000);
  client.send(request("/", body).slice(0, -body.length));
  for (let at = 0; at < body.length; at += 1000) client.send(body.slice(at, at + 1000));
  for (let turn = 0; turn < 20; turn++) await rest();
  assert(client.unread > 950, `${client.unread} pieces unread`);
  assertEquals(client.reading, false);
  release.resolve();
  for (let turn = 0; turn < 100; turn++) await rest();
  assertEquals([bodies[0]?.length, client.unread], [body.length, 0]);
});

Deno.test("Connection hands bytes on that the handler may keep", async () => {
  const kept: Uint8Array[] = [];
  await using server = startMemory(async ({ body }) => {
    for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
      kept.push(bytes);
    }
    return answerOf("");
  });
  const client = await server.connect();
  const texts = ["a".repeat(50), "b".repeat(20_000), "c".repeat(50)];
  for (const text of texts) {
    client.send(request("/", text));
    for (let turn = 0; turn < 10; turn++) await rest();
  }
  const decoder = new TextDecoder();
  assertEquals(kept.map((bytes) => decoder.decode(bytes)).join(""), texts.join(""));
});

Deno.test("Connection takes a body that was being read ahead when its head was read", async () => {
  const waiting: (() => void)[] = [];
  const bodies: string[] = [];
  await using server = startMemory(async (asked) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    bodies.push(await readAll(asked));
    return answerOf(asked.target);
  });
  const client = await server.connect();
  const body = "0123456789".repeat(3000);
  const second = request("/b", body);
  client.send(request("/a"));
  await rest();
  // In the window already when the first is answered, and a read is pending behind it.
  client.send(second.slice(0, 500));
  await rest();
  waiting.pop()?.();
  await rest();
  client.send(second.slice(500, 5_000));
  await rest();
  client.send(second.slice(5_000), request("/c"));
  waiting.pop()?.();
  for (let turn = 0; turn < 10; turn++) await rest();
  waiting.pop()?.();
  await rest();
  assert(bodies[1] === body);
  assertEquals(received(client), wire("/a") + wire("/b") + wire("/c"));
});

Deno.test("Connection grows its window for a long head, and shrinks it again", async () => {
  await using server = startMemory(({ headers }) =>
    Promise.resolve(answerOf(`${headers.get("x")?.length}`))
  );
  const client = await server.connect();
  const long = request("/", "", `x: ${"y".repeat(50_000)}`);
  for (let at = 0; at < long.length; at += 1_000) client.send(long.slice(at, at + 1_000));
  client.send(request("/", "", "x: yyy"));
  for (let turn = 0; turn < 100; turn++) await rest();
  assertEquals(received(client), wire("50000") + wire("3"));
});

Deno.test("Connection speaks HTTP/1.0, and keeps alive where it is asked to", async () => {
  await using server = startMemory(({ target }) => Promise.resolve(answerOf(target)));
  const client = await server.connect();
  client.send("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  await rest();
  assertEquals(client.closed, false);
  client.send("GET /b HTTP/1.0\r\n\r\n");
  await rest();
  const [kept, closed] = ["keep-alive", "close"].map((word) => `connection: ${word}`);
  assertEquals(
    received(client),
    `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${kept}\r\n\r\n/a` +
      `HTTP/1.1 200 OK\r\ncontent-length: 2\r\n${closed}\r\n\r\n/b`,
  );
  assertEquals(client.closed, true);
});

Deno.test("Connection closes behind the answer where it is asked to", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(request("/", "", "connection: close"));
  await rest();
  assertEquals(
    received(client),
    "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
  );
  assertEquals([client.closed, server.front.connections], [true, 0]);
});

for (const upgrade of ["h2c", "TLS/1.2", "websocket"]) {
  Deno.test(`Connection answers a request that offers ${upgrade} as HTTP/1.1`, async () => {
    await using server = startMemory(async (asked) => answerOf(await readAll(asked)));
    const client = await server.connect();
    const fields = [
      "connection: Upgrade, HTTP2-Settings",
      `upgrade: ${upgrade}`,
      "http2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ];
    client.send(request("/", "body", ...fields), request("/"));
    await rest();
    assertEquals(received(client), wire("body") + wire(""));
  });
}

Deno.test("Connection refuses what is malformed, and closes once the client has its answer", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(request("/") + "GET / HTTP/1.1\r\nhost : a\r\n\r\n" + request("/smuggled"));
  await rest();
  assertEquals(
    received(client),
    wire("a") +
      "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n" +
      "content-length: 22\r\nconnection: close\r\n\r\nmalformed header name\n",
  );
  assertEquals([client.writeClosed, client.closed, server.requests.length], [true, false, 1]);
  assertEquals(server.events, [{ kind: "refused", why: "malformed" }]);
  client.send(request("/smuggled"), null);
  await rest();
  assertEquals([client.closed, server.requests.length], [true, 1]);
});

Deno.test("Connection answers a handler that throws or rejects with its fault, and closes", async () => {
  for (const how of ["throws", "rejects"]) {
    const failure = new Error("no answer");
    await using server = startMemory(() => {
      if (how === "throws") throw failure;
      return Promise.reject(failure);
    });
    const client = await server.connect();
    client.send(request("/") + request("/next"));
    await rest();
    assertEquals(
      received(client),
      "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 5\r\nconnection: close\r\n\r\nfault",
    );
    assertEquals([server.faults, server.requests.length, client.writeClosed], [[failure], 1, true]);
    client.send(null);
    await rest();
    assertEquals(client.closed, true);
  }
});

Deno.test("Connection sends events as they come, and goes on with the next request", async () => {
  const source = new ScriptedSource();
  await using server = startMemory(({ target }) =>
    Promise.resolve(target === "/" ? { status: 200, headers: [], body: source } : answerOf("b"))
  );
  const client = await server.connect();
  client.send(request("/") + request("/b"));
  await rest();
  for (const piece of ["data: 1\n\n", "data: 2\n\n", undefined]) {
    source.give(piece);
    await rest();
  }
  assertEquals(
    received(client),
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n" +
      "0\r\n\r\n" + wire("b"),
  );
  assertEquals(client.writes.length, 5);
});

Deno.test("Connection breaks with an answer whose source does", async () => {
  const source = sourceOf("a", new Error("engine lost"));
  await using server = startMemory(() =>
    Promise.resolve({ status: 200, headers: [], body: source })
  );
  const client = await server.connect();
  client.send(request("/"));
  await rest();
  assert(client.received.endsWith("\r\n\r\n1\r\na\r\n"), client.received);
  assertEquals([client.closed, source.cancelled], [true, 1]);
});
