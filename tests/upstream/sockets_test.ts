/** The client on real TCP sockets. */
import { encodeUtf8, RouterError, seededRandom, systemClock } from "../../lib/base/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { answer, request, text } from "./support/fixture.ts";
import { RawServer, turn } from "./support/raw_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

function createClient(): PooledUpstreamClient {
  return createUpstreamClient({ clock: systemClock() });
}

/** An unused port: nothing listens there. */
function freePort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

Deno.test("client talks HTTP over TCP and keeps the connection", async () => {
  const seen: (string | undefined)[] = [];
  await using server = new RawServer(async (peer) => {
    for (let i = 0; i < 3; i++) {
      seen.push(await peer.readRequest());
      await peer.send(answer(`n${i}`));
    }
    await peer.drain();
  });
  using client = createClient();
  for (let i = 0; i < 3; i++) {
    using response = await client.send(request({
      url: server.url,
      method: "POST",
      path: "/v1/completions",
      headers: [["x-a", "b"]],
      body: [encodeUtf8(`body ${i}`)],
    }));
    assertEquals([response.status, await text(response)], [200, `n${i}`]);
  }
  assertEquals(server.connections, 1);
  assertEquals(client.stats(), { open: 1, idle: 1 });
  assertEquals(
    seen[2],
    `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\nx-a: b\r\n` +
      "content-length: 6\r\n\r\nbody 2",
  );
});

Deno.test("client streams a chunked body while the engine is still writing it", async () => {
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  await using server = new RawServer(async (peer) => {
    await peer.readRequest();
    await peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    await goOn;
    await peer.send("6\r\nsecond\r\n0\r\n\r\n");
    await peer.drain();
  });
  using client = createClient();
  using response = await client.send(request({ url: server.url }));
  assertEquals((await response.read())?.length, 5);
  resolve();
  assertEquals(await text(response), "second");
  assertEquals(client.stats(), { open: 1, idle: 1 });
});

Deno.test("client moves large bodies both ways", async () => {
  const size = 3_000_000;
  await using server = new RawServer(async (peer) => {
    const received = await peer.readRequest();
    await peer.send(answer("y".repeat(received?.length ?? 0)));
  });
  using client = createClient();
  const body = [encodeUtf8("x".repeat(size)), encodeUtf8("z")];
  using response = await client.send(request({ url: server.url, method: "POST", body }));
  const length = (await response.readAll(2 * size)).length;
  assert(length > size && length < size + 200, `${length} bytes`);
});

Deno.test("client delivers a 413 of an engine that does not read the body and resets", async () => {
  await using server = new RawServer(async (peer) => {
    await peer.readHead();
    await peer.send(answer("too large", "HTTP/1.1 413 Content Too Large"));
  });
  using client = createClient();
  using response = await client.send(
    request({ url: server.url, method: "POST", body: [new Uint8Array(20_000_000)] }),
  );
  assertEquals([response.status, await text(response)], [413, "too large"]);
  assertEquals(client.stats(), { open: 0, idle: 0 });
});

Deno.test("client sees the engine close a kept connection, and uses a fresh one", async () => {
  await using server = new RawServer(async (peer, index) => {
    await peer.readRequest();
    await peer.send(answer(`c${index}`));
  });
  using client = createClient();
  for (let i = 0; i < 3; i++) {
    using response = await client.send(request({ url: server.url }));
    assertEquals(await text(response), `c${i}`);
    await server.idle();
  }
  assertEquals(server.connections, 3);
});

Deno.test("client aborted closes the socket at once", async () => {
  const { promise: closedAt, resolve } = Promise.withResolvers<number>();
  await using server = new RawServer(async (peer) => {
    await peer.readRequest();
    resolve(await peer.drain());
  });
  using client = createClient();
  const controller = new AbortController();
  const sent = assertRejects(
    () => client.send(request({ url: server.url, signal: controller.signal })),
    RouterError,
  );
  while (server.connections === 0) await turn();
  controller.abort();
  assertEquals((await sent).code, "client-gone");
  assertEquals(await closedAt, 0);
});

Deno.test("client disposed ends a write that the engine does not read", async () => {
  const { promise: started, resolve } = Promise.withResolvers<void>();
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  await using server = new RawServer(async (peer) => {
    await peer.readHead();
    resolve();
    await done;
  });
  const client = createClient();
  const sent = assertRejects(
    () =>
      client.send(
        request({ url: server.url, method: "POST", body: [new Uint8Array(50_000_000)] }),
      ),
    RouterError,
  );
  await started;
  client[Symbol.dispose]();
  assertEquals((await sent).code, "shutting-down");
  assertEquals(client.stats(), { open: 0, idle: 0 });
  finish();
  await server.idle();
});

Deno.test("client connects to IPv6 literals", async () => {
  const listener = Deno.listen({ port: 0, hostname: "::1" });
  const seen: (string | undefined)[] = [];
  await using server = new RawServer(async (peer) => {
    seen.push(await peer.readRequest());
    await peer.send(answer("six"));
  }, listener);
  using client = createClient();
  using response = await client.send(request({ url: `http://[::1]:${server.port}` }));
  assertEquals(await text(response), "six");
  assertEquals(seen, [`GET / HTTP/1.1\r\nhost: [::1]:${server.port}\r\n\r\n`]);
});

Deno.test("client names the engine and the cause when it cannot connect", async () => {
  using client = createClient();
  const url = `http://127.0.0.1:${freePort()}`;
  const refused = await assertRejects(() => client.send(request({ url })), RouterError);
  assertEquals(refused.code, "upstream-unreachable");
  assertEquals(refused.message, `Cannot reach engine ${url}: connection refused`);
  const unknown = await assertRejects(
    () => client.send(request({ url: "http://engine.invalid:8000" })),
    RouterError,
    "Cannot reach engine http://engine.invalid:8000: failed to lookup address information",
  );
  assertEquals(unknown.code, "upstream-unreachable");
  assertEquals(client.stats(), { open: 0, idle: 0 });
});

Deno.test("client never gives a request another one's response", async () => {
  const random = seededRandom(7);
  await using server = new RawServer(async (peer) => {
    for (;;) {
      const received = await peer.readRequest();
      if (received === undefined) return;
      const body = `for ${received.split("\r\n\r\n")[1]}`.repeat(
        1 + Math.floor(random.next() * 50),
      );
      const ends = random.next() < 0.2;
      const close = ends && random.next() < 0.5 ? "connection: close\r\n" : "";
      if (random.next() < 0.5) {
        await peer.send(
          answer(body, `HTTP/1.1 200 OK${close === "" ? "" : `\r\n${close.trim()}`}`),
        );
      } else {
        await peer.send(`HTTP/1.1 200 OK\r\n${close}transfer-encoding: chunked\r\n\r\n`);
        const half = body.length >> 1;
        for (const part of [body.slice(0, half), body.slice(half)]) {
          await peer.send(`${part.length.toString(16)}\r\n${part}\r\n`);
        }
        await peer.send("0\r\n\r\n");
      }
      // Half of the closings are announced; the others meet the next request, or the idle socket.
      if (ends) return;
    }
  });
  using client = createClient();
  const run = async (worker: number): Promise<void> => {
    for (let i = 0; i < 50; i++) {
      const id = `<${worker}.${i}>`;
      using response = await client.send(
        request({ url: server.url, method: "POST", body: [encodeUtf8(id)] }),
      );
      if (i % 10 === 9) continue;
      const body = await text(response);
      assertEquals(body.replaceAll(`for ${id}`, ""), "", id);
      assert(body.length > 0, id);
    }
  };
  await Promise.all([0, 1, 2, 3, 4, 5].map(run));
  const { open, idle } = client.stats();
  assertEquals(open, idle);
});
