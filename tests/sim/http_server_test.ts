import { encodeUtf8, seededRandom, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { JSON_TYPE } from "../../lib/sim/http_reply.ts";
import { type HttpHandler, HttpServer } from "../../lib/sim/http_server.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

const PORTS = { clock: systemClock(), random: seededRandom(1), log: silentLogger() };

interface Running extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

function serve(handler: HttpHandler): Running {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const server = new HttpServer(listener, PORTS, handler);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const echo: HttpHandler = (request, reply) =>
  reply.json(
    200,
    JSON.stringify({
      method: request.method,
      path: request.path,
      query: request.query,
      bytes: request.body.length,
      body: new TextDecoder().decode(request.body.subarray(0, 100)),
    }),
  );

/** Send raw bytes, read until the connection closes or `until` is seen. */
async function raw(port: number, parts: readonly string[], until?: RegExp): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  for (const part of parts) await conn.write(encodeUtf8(part));
  return await readText(conn, until);
}

async function readText(conn: Deno.Conn, until?: RegExp): Promise<string> {
  const buffer = new Uint8Array(65536);
  let text = "";
  while (until === undefined || !until.test(text)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

Deno.test("HttpServer answers many requests on one connection, pipelined too", async () => {
  await using server = serve(echo);
  const one = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
  const text = await raw(server.port, [one + one, one], /(?:[^]*"body":"hi"}){3}/);
  assertEquals(text.split("HTTP/1.1 200 OK").length, 4);
});

Deno.test("HttpServer reads a chunked body that comes in pieces", async () => {
  await using server = serve(echo);
  const parts = [
    "POST /a HTTP/1.1\r\ntransfer-enc",
    "oding: chunked\r\n\r\n2",
    "\r\nab\r",
    "\n3\r\ncde\r\n0\r\n",
    "\r\n",
  ];
  assertStringIncludes(await raw(server.port, parts, /}$/), '"body":"abcde"');
});

Deno.test("HttpServer says 100 Continue before it reads the body", async () => {
  await using server = serve(echo);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(
    encodeUtf8("POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"),
  );
  assertEquals(await readText(conn, /\r\n\r\n$/), "HTTP/1.1 100 Continue\r\n\r\n");
  await conn.write(encodeUtf8("ok"));
  assertStringIncludes(await readText(conn, /}$/), '"body":"ok"');
});

Deno.test("HttpServer answers HEAD without a body and keeps the connection", async () => {
  await using server = serve(echo);
  const text = await raw(
    server.port,
    ["HEAD /x HTTP/1.1\r\n\r\n", "GET /y HTTP/1.1\r\nconnection: close\r\n\r\n"],
  );
  const [head = "", , rest = ""] = text.split(/(HTTP\/1\.1 200 OK\r\n)/).slice(1);
  assertEquals(head, "HTTP/1.1 200 OK\r\n");
  assertMatch(text, /content-length: [1-9]/);
  assert(!text.split("GET")[0]?.includes('"path":"/x"'));
  assertStringIncludes(rest + text, '"path":"/y"');
});

Deno.test("HttpServer ends the connection of HTTP/1.0 unless asked to keep it", async () => {
  await using server = serve(echo);
  const text = await raw(server.port, ["GET / HTTP/1.0\r\n\r\n"]);
  assertStringIncludes(text, "connection: close");
  const kept = await raw(
    server.port,
    ["GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n", "GET /b HTTP/1.0\r\n\r\n"],
  );
  assertStringIncludes(kept, '"path":"/b"');
});

Deno.test("HttpServer streams in chunks, and without them to HTTP/1.0", async () => {
  await using server = serve(async (_request, reply) => {
    reply.startStream(200, "text/plain");
    await reply.write("héllo");
    await reply.write(" world");
    await reply.end();
  });
  const chunked = await raw(server.port, ["GET / HTTP/1.1\r\n\r\n"], /\r\n0\r\n\r\n$/);
  assertStringIncludes(chunked, "\r\n\r\n6\r\nhéllo\r\n6\r\n world\r\n0\r\n\r\n");
  const plain = await raw(server.port, ["GET / HTTP/1.0\r\n\r\n"]);
  assert(plain.endsWith("\r\n\r\nhéllo world"), plain);
});

for (const cutting of ["byte", "random"] as const) {
  Deno.test(`HttpServer's answers stay right when cut: ${cutting}`, async () => {
    await using server = serve(async (_request, reply) => {
      reply.cutting = cutting;
      reply.startStream(200, "text/plain");
      await reply.write("世界 😀 and more\n");
      await reply.write("é");
      await reply.end();
    });
    for (let round = 0; round < 5; round++) {
      const response = await fetch(server.url);
      assertEquals(await response.text(), "世界 😀 and more\né");
    }
  });
}

Deno.test("HttpServer reads a body of many megabytes", async () => {
  await using server = serve(echo);
  const body = "x".repeat(20 * 1024 * 1024);
  const response = await fetch(server.url, { method: "POST", body });
  assertEquals((await response.json()).bytes, body.length);
});

Deno.test("HttpServer aborts a request whose client goes away", async () => {
  const gone = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await using server = serve(async (request, reply) => {
    request.signal.addEventListener("abort", () => gone.resolve(), { once: true });
    begun.resolve();
    await gone.promise;
    await reply.json(200, "{}");
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(encodeUtf8("GET / HTTP/1.1\r\n\r\n"));
  await begun.promise;
  conn.close();
  await gone.promise;
});

Deno.test("HttpServer does not abort a request whose client waits", async () => {
  let aborted = false;
  await using server = serve(async (request, reply) => {
    request.signal.addEventListener("abort", () => aborted = true);
    await reply.json(200, "{}");
  });
  for (let round = 0; round < 3; round++) await (await fetch(server.url)).text();
  assertEquals(aborted, false);
});

Deno.test("HttpServer cuts a connection when told, before and within an answer", async () => {
  await using server = serve(async (request, reply) => {
    if (request.path === "/half") await reply.sendHalf(200, JSON_TYPE, '{"a": "0123456789"}');
    else reply.cut();
  });
  assertEquals(await raw(server.port, ["GET / HTTP/1.1\r\n\r\n"]), "");
  const half = await raw(server.port, ["GET /half HTTP/1.1\r\n\r\n"]);
  assert(half.endsWith('{"a": "01'), half);
  assertStringIncludes(half, "content-length: 19");
});

const BAD: readonly (readonly [request: string, status: number])[] = [
  ["NONSENSE\r\n\r\n", 400],
  ["GET / HTTP/3.0\r\n\r\n", 400],
  ["POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413],
  ["POST / HTTP/1.1\r\ntransfer-encoding: br\r\n\r\n", 501],
  [`GET / HTTP/1.1\r\nx: ${"y".repeat(70_000)}`, 431],
];

for (const [request, status] of BAD) {
  Deno.test(`HttpServer answers ${status} to ${request.slice(0, 40).trim()} and closes`, async () => {
    await using server = serve(echo);
    assertMatch(await raw(server.port, [request]), new RegExp(`^HTTP/1.1 ${status} `));
  });
}

Deno.test("HttpServer makes a 500 of a handler that fails, and goes on", async () => {
  await using server = serve((request, reply) => {
    if (request.path === "/fail") throw new Error("broken");
    return reply.json(200, "{}");
  });
  const failed = await fetch(`${server.url}/fail`);
  assertEquals([failed.status, await failed.text()], [500, "Internal Server Error"]);
  const response = await fetch(server.url);
  assertEquals(await response.text(), "{}");
});

Deno.test("HttpServer.stop() ends open requests and idle connections", async () => {
  const begun = Promise.withResolvers<void>();
  const server = serve(async (request) => {
    begun.resolve();
    await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
  });
  const idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const busy = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await busy.write(encodeUtf8("GET / HTTP/1.1\r\n\r\n"));
  await begun.promise;
  await server[Symbol.asyncDispose]();
  assertEquals(await idle.read(new Uint8Array(1)), null);
  assertEquals(await busy.read(new Uint8Array(1)), null);
  idle.close();
  busy.close();
});

Deno.test("HttpServer.stop() ends requests that come at that moment", async () => {
  await using server = serve(({ signal }) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve());
    })
  );
  const { port } = server;
  const clients = await Promise.all(
    Array.from({ length: 20 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using sender = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  using receiver = await listener.accept();
  // What stops the server comes among the requests, so that some are read and not yet begun.
  const stopped = receiver.read(new Uint8Array(1)).then(() => server[Symbol.asyncDispose]());
  const request = encodeUtf8("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [first, second] = [clients.slice(0, 10), clients.slice(10)];
  await Promise.all([
    ...first.map((client) => client.write(request)),
    sender.write(encodeUtf8("x")),
    ...second.map((client) => client.write(request)),
  ]);
  await stopped;
  for (const client of clients) client.close();
});
