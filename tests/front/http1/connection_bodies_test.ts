/** Bodies that are waited for, not wanted, or malformed. */
import { MAX_PASSED_BYTES } from "../../../lib/front/http1/connection.ts";
import { MAX_LINGER_BYTES } from "../../../lib/front/http1/lingering.ts";
import { RouterError } from "../../../lib/base/mod.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { rest } from "./support/memory.ts";
import { answerOf, readAll, received, request, startMemory, wire } from "./support/server.ts";
import { ScriptedSource } from "./support/sources.ts";

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const EXPECT = "expect: 100-continue";
const CLOSE = { fields: [] as readonly string[] };

/** An answer behind which the connection is closed. */
function lastWire(body: string): string {
  return wire(body, CLOSE).replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
}

/** The head of a request with a body of `length` bytes. */
function bodyHead(target: string, length: number, ...fields: readonly string[]): string {
  const lines = [`POST ${target} HTTP/1.1`, "host: a", `content-length: ${length}`, ...fields];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

Deno.test("Connection says 100 when the body is first read, and once", async () => {
  const begin = Promise.withResolvers<void>();
  await using server = startMemory(async (asked) => {
    await begin.promise;
    return answerOf(await readAll(asked));
  });
  const client = await server.connect();
  client.send(bodyHead("/", 6, EXPECT));
  await rest();
  assertEquals(client.received, "");
  begin.resolve();
  await rest();
  assertEquals(client.received, CONTINUE);
  client.send("abc");
  await rest();
  client.send("def", request("/next"));
  await rest();
  assertEquals(received(client), CONTINUE + wire("abcdef") + wire(""));
});

Deno.test("Connection says no 100 to a client that has not waited", async () => {
  for (const rest_ of ["abcdef", "abc"]) {
    await using server = startMemory(async (asked) => answerOf(await readAll(asked)));
    const client = await server.connect();
    client.send(bodyHead("/", 6, EXPECT) + rest_);
    await rest();
    client.send("abcdef".slice(rest_.length) + request("/next"));
    await rest();
    assertEquals(received(client), wire("abcdef") + wire(""));
  }
});

Deno.test("Connection says no 100 to HTTP/1.0, nor where there is no body", async () => {
  await using server = startMemory(async (asked) => answerOf(await readAll(asked)));
  const older = await server.connect();
  older.send("POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n");
  await rest();
  assertEquals(older.received, "");
  older.send("abc");
  await rest();
  assertEquals(received(older), lastWire("abc"));
  const without = await server.connect();
  without.send(request("/", "", EXPECT));
  await rest();
  assertEquals(received(without), wire(""));
});

Deno.test("Connection closes where a body that was never asked for may come or not", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("no")));
  const client = await server.connect();
  client.send(bodyHead("/", 6, EXPECT));
  await rest();
  assertEquals([received(client), client.writeClosed], [lastWire("no"), true]);
  client.send(request("/smuggled"), null);
  await rest();
  assertEquals([client.closed, server.requests.length], [true, 1]);
});

Deno.test("Connection says no 100 once the answer has begun", async () => {
  const source = new ScriptedSource();
  await using server = startMemory(({ body }) => {
    const read = source.read.bind(source);
    source.read = async () => {
      source.read = read;
      return await body.read();
    };
    return Promise.resolve({ status: 200, headers: [], body: source });
  });
  const client = await server.connect();
  client.send(bodyHead("/", 3, EXPECT));
  await rest();
  assert(!client.received.includes("100"), client.received);
  client.send("abc");
  await rest();
  source.give(undefined);
  await rest();
  assert(received(client).endsWith("3\r\nabc\r\n0\r\n\r\n"), client.received);
});

Deno.test("Connection meets no other expectation", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(bodyHead("/", 3, "expect: tea"));
  await rest();
  assert(client.received.startsWith("HTTP/1.1 417 Expectation Failed\r\n"));
  assertEquals([client.writeClosed, server.requests.length], [true, 0]);
});

const CHUNKS = "3\r\nabc\r\n3;x\r\ndef\r\n0\r\nt: u\r\n\r\n";

Deno.test("Connection passes a small body over that nobody read, and keeps alive", async () => {
  for (
    const [head, body] of [
      [bodyHead("/", 6), "abcdef"],
      [bodyHead("/", MAX_PASSED_BYTES), "x".repeat(MAX_PASSED_BYTES)],
      ["POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n", CHUNKS],
    ] as const
  ) {
    await using server = startMemory(() => Promise.resolve(answerOf("a")));
    const client = await server.connect();
    client.send(head);
    await rest();
    assertEquals(received(client), wire("a"));
    for (let at = 0; at < body.length; at += 1000) client.send(body.slice(at, at + 1000));
    client.send(request("/next"));
    for (let turn = 0; turn < 30; turn++) await rest();
    assertEquals([received(client), client.closed], [wire("a") + wire("a"), false]);
    assertEquals(server.requests[1]?.target, "/next");
  }
});

Deno.test("Connection passes over the rest of a body that was read in part", async () => {
  await using server = startMemory(async ({ body }) => {
    const first = await body.read();
    return answerOf(`${first?.length}`);
  });
  const client = await server.connect();
  client.send(bodyHead("/", 20_000) + "x".repeat(100));
  await rest();
  client.send("x".repeat(19_900), request("/next"));
  for (let turn = 0; turn < 10; turn++) await rest();
  assertEquals(received(client), wire("100") + wire("undefined"));
});

Deno.test("Connection closes behind the answer to a large body that nobody reads", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("too large", [], 413)));
  const client = await server.connect();
  client.send(bodyHead("/", MAX_PASSED_BYTES + 9_000) + "x".repeat(5000));
  await rest();
  assert(received(client).startsWith("HTTP/1.1 413 Content Too Large\r\n"));
  assert(received(client).endsWith("connection: close\r\n\r\ntoo large"));
  // What still comes is thrown away, so that the client gets to the answer.
  for (let sent = 0; sent < 40; sent++) client.send("x".repeat(4000));
  for (let turn = 0; turn < 30; turn++) await rest();
  assertEquals([client.unread, client.closed, client.writeClosed], [0, false, true]);
  client.send(null);
  await rest();
  assertEquals(client.closed, true);
});

Deno.test("Connection gives a client up that sends without end what nobody reads", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("too large", [], 413)));
  const client = await server.connect();
  client.send(bodyHead("/", 10 * MAX_LINGER_BYTES));
  await rest();
  const piece = new Uint8Array(1024 * 1024);
  let sent = 0;
  for (; !client.closed && sent < 40; sent++) {
    client.send(piece);
    // The window takes it in small bits.
    for (let turn = 0; turn < 15 && client.unread > 0; turn++) await rest();
  }
  assertEquals([client.closed, sent], [true, MAX_LINGER_BYTES / piece.length + 1]);
});

Deno.test("Connection closes where a chunked body nobody reads goes on too long", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
  await rest();
  assertEquals(received(client), wire("a"));
  for (let sent = 0; sent < 18; sent++) client.send(`fa0\r\n${"x".repeat(4000)}\r\n`);
  for (let turn = 0; turn < 30; turn++) await rest();
  assertEquals([client.writeClosed, client.closed], [true, false]);
  client.send(request("/smuggled"), null);
  await rest();
  assertEquals([client.closed, server.requests.length], [true, 1]);
});

Deno.test("Connection reports a malformed body, and closes behind the answer", async () => {
  await using server = startMemory(async (asked) => {
    const error = await assertRejects(() => readAll(asked), RouterError);
    return answerOf(`${error.code}: ${error.message}`);
  });
  const client = await server.connect();
  client.send(
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n3 \r\ndef\r\n" +
      request("/smuggled"),
  );
  await rest();
  const told = "bad-request: The request body's chunked coding is malformed: malformed chunk size";
  assertEquals(received(client), lastWire(told));
  assertEquals([client.writeClosed, server.requests.length], [true, 1]);
});

Deno.test("Connection closes where a malformed body was not read", async () => {
  await using server = startMemory(() => Promise.resolve(answerOf("a")));
  const client = await server.connect();
  client.send(
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nx\r\n" + request("/smuggled"),
  );
  await rest();
  assertEquals([client.writeClosed, server.requests.length], [true, 1]);
});

Deno.test("Connection lets nobody read a body whose request has been answered", async () => {
  let late: Promise<unknown> | undefined;
  await using server = startMemory(({ body }) => {
    late ??= assertRejects(() => body.read(), RouterError, "answered");
    return Promise.resolve(answerOf("a"));
  });
  const client = await server.connect();
  client.send(bodyHead("/", 6));
  await rest();
  await late;
  client.send("abcdef" + request("/next"));
  await rest();
  assertEquals(received(client), wire("a") + wire("a"));
  const [first] = server.requests;
  await assertRejects(() => first?.body.read() ?? Promise.resolve(), RouterError, "answered");
});
