/** The client on real TLS sockets. */
import { RouterError, systemClock } from "../../lib/base/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { answer, request, text } from "./support/fixture.ts";
import { type Certificates, makeCertificates } from "./support/certificates.ts";
import { RawServer, turn } from "./support/raw_server.ts";

Deno.test.sanitizer({ ops: true, resources: true });

let made: Promise<Certificates> | undefined;

/** One set for all tests of this file. */
function certificates(): Promise<Certificates> {
  return made ??= makeCertificates();
}

async function listen(): Promise<Deno.TlsListener> {
  const { cert, key } = await certificates();
  return Deno.listenTls({ port: 0, hostname: "127.0.0.1", cert, key, alpnProtocols: ["http/1.1"] });
}

async function createClient(): Promise<PooledUpstreamClient> {
  const { ca } = await certificates();
  return createUpstreamClient({ clock: systemClock(), caCerts: [ca] });
}

Deno.test("client talks HTTP over TLS with a given authority and keeps the connection", async () => {
  await using server = new RawServer(async (peer) => {
    while (await peer.readRequest() !== undefined) await peer.send(answer("secure"));
  }, await listen());
  using client = await createClient();
  for (let i = 0; i < 3; i++) {
    using response = await client.send(request({ url: `https://127.0.0.1:${server.port}` }));
    assertEquals(await text(response), "secure");
  }
  assertEquals([server.connections, client.stats().idle], [1, 1]);
});

Deno.test("client checks the certificate's name", async () => {
  await using server = new RawServer(async (peer) => {
    await peer.readRequest().catch(() => undefined);
    await peer.send(answer("named")).catch(() => undefined);
  }, await listen());
  using client = await createClient();
  using response = await client.send(request({ url: `https://localhost:${server.port}` }));
  assertEquals(await text(response), "named");
  const error = await assertRejects(
    () => client.send(request({ url: `https://127.0.0.2:${server.port}` })),
    RouterError,
  );
  assertEquals(error.code, "upstream-unreachable");
});

Deno.test("client refuses a certificate of an unknown authority", async () => {
  await using server = new RawServer(async (peer) => {
    await peer.readRequest().catch(() => undefined);
  }, await listen());
  using client = createUpstreamClient({ clock: systemClock() });
  const url = `https://localhost:${server.port}`;
  const error = await assertRejects(() => client.send(request({ url })), RouterError, url);
  assertEquals(error.code, "upstream-unreachable");
  assert(error.message.includes("certificate"), error.message);
  assertEquals(client.stats(), { open: 0, idle: 0 });
});

Deno.test("client refuses authorities that are no certificates", async () => {
  const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  await using server = new RawServer(async (peer) => {
    await peer.readRequest().catch(() => undefined);
  }, await listen());
  using client = createUpstreamClient({ clock: systemClock(), caCerts: [pem] });
  const url = `https://localhost:${server.port}`;
  const error = await assertRejects(() => client.send(request({ url })), RouterError, url);
  assertEquals(error.code, "upstream-unreachable");
});

Deno.test("client reports an engine that does not speak TLS", async () => {
  await using server = new RawServer(async (peer) => {
    await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    await peer.drain();
  });
  using client = await createClient();
  const url = `https://localhost:${server.port}`;
  const error = await assertRejects(() => client.send(request({ url })), RouterError, url);
  assertEquals(error.code, "upstream-unreachable");
});

Deno.test("client gives a TLS handshake up when its time is over or it is aborted", async () => {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  await using server = new RawServer(() => done);
  const { ca } = await certificates();
  const clock = new FakeClock();
  using client = createUpstreamClient({ clock, caCerts: [ca] });
  const url = `https://localhost:${server.port}`;
  const late = assertRejects(() => client.send(request({ url })), RouterError);
  while (server.connections < 1) await turn();
  await clock.advance(1000);
  const error = await late;
  assertEquals(error.code, "upstream-unreachable");
  assertEquals(error.message, `Cannot reach engine ${url}: not connected in 1000 ms`);
  const controller = new AbortController();
  const sent = assertRejects(
    () => client.send(request({ url, signal: controller.signal })),
    RouterError,
  );
  while (server.connections < 2) await turn();
  controller.abort();
  assertEquals((await sent).code, "client-gone");
  assertEquals(clock.pending, 0);
  finish();
  await server.idle();
});

Deno.test("client reports a TLS body cut without a closing alert", async () => {
  const { cert, key } = await certificates();
  const inner = Deno.listenTls({ port: 0, hostname: "127.0.0.1", cert, key });
  await using tls = new RawServer(async (peer) => {
    await peer.readRequest();
    await peer.send("HTTP/1.1 200 OK\r\n\r\nunfinished");
    await peer.drain();
  }, inner);
  // A relay in front ends the TCP connection without a word of TLS.
  const { promise: cut, resolve: cutNow } = Promise.withResolvers<void>();
  await using relay = new RawServer(async (peer) => {
    using upstream = await Deno.connect({ port: tls.port, hostname: "127.0.0.1" });
    const relayed = [copyAll(peer.conn, upstream), copyAll(upstream, peer.conn)];
    await cut;
    peer.close();
    upstream.close();
    await Promise.all(relayed);
  });
  using client = await createClient();
  using response = await client.send(request({ url: `https://localhost:${relay.port}` }));
  assertEquals((await response.read())?.length, "unfinished".length);
  cutNow();
  const error = await assertRejects(() => response.read(), RouterError);
  assertEquals(error.code, "upstream-protocol");
});

/** Copy bytes until either side is closed. */
async function copyAll(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const chunk = new Uint8Array(4096);
  for (;;) {
    const size = await from.read(chunk).catch(() => null);
    if (size === null) return;
    for (let sent = 0; sent < size;) {
      const written = await to.write(chunk.subarray(sent, size)).catch(() => 0);
      if (written === 0) return;
      sent += written;
    }
  }
}
