/** The server on real TLS sockets. */
import { assert, assertEquals } from "../../support/assert.ts";
import { eventually } from "../../support/eventually.ts";
import { chains } from "../../tls/support.ts";
import { type Certificates, makeCertificates } from "../../upstream/support/certificates.ts";
import { answerOf, readAll, request, wire } from "./support/server.ts";
import { RawClient, type SocketServer, startSockets } from "./support/sockets.ts";
import { ScriptedSource } from "./support/sources.ts";
import type { FrontHandler, FrontLimits } from "../../../lib/front/contract/mod.ts";

Deno.test.sanitizer({ ops: true, resources: true });

let made: Promise<Certificates> | undefined;

/** One set for all tests of this file. */
function certificates(): Promise<Certificates> {
  return made ??= makeCertificates();
}

async function startTls(
  handler: FrontHandler,
  limits: Partial<FrontLimits> = {},
): Promise<SocketServer> {
  const { cert, key } = await certificates();
  return startSockets(handler, { limits, tls: { cert, key } });
}

async function connectTls(port: number, alpnProtocols: string[] = []): Promise<RawClient> {
  const { ca } = await certificates();
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [ca],
    alpnProtocols,
  });
  return new RawClient(conn);
}

const echo: FrontHandler = async (asked) => answerOf(`${asked.target} ${await readAll(asked)}`);

Deno.test("startHttp1() serves TLS, keeps connections and pipelines", async () => {
  await using server = await startTls(echo);
  using client = await connectTls(server.port, ["http/1.1"]);
  const large = "x".repeat(200_000);
  await client.send(request("/a") + request("/b", "body"), request("/c", large));
  assertEquals(
    await client.until("/c " + large),
    wire("/a ") + wire("/b body") + wire(`/c ${large}`),
  );
  assertEquals(server.front.connections, 1);
});

Deno.test("startHttp1() throws where the certificate is none", () => {
  let failed = false;
  try {
    startSockets(echo, { tls: { cert: "none", key: "none" } });
  } catch {
    failed = true;
  }
  assert(failed);
});

Deno.test("startHttp1() closes in good order over TLS", async () => {
  await using server = await startTls(echo);
  using client = await connectTls(server.port);
  await client.send(request("/", "", "connection: close"));
  assert((await client.all()).endsWith("connection: close\r\n\r\n/ "));
  using refused = await connectTls(server.port);
  await refused.send("nonsense\r\n\r\n");
  assert((await refused.all()).startsWith("HTTP/1.1 400 "));
});

Deno.test("startHttp1() notices one that leaves a TLS stream, with or without a word", async () => {
  const source = new ScriptedSource();
  await using server = await startTls(() =>
    Promise.resolve({ status: 200, headers: [], body: source })
  );
  for (const [index, politely] of [true, false].entries()) {
    using client = await connectTls(server.port);
    await client.send(request("/"));
    source.give("data");
    await client.until("data");
    if (politely) await client.conn.closeWrite();
    client[Symbol.dispose]();
    await eventually(() => source.cancelled === index + 1 && server.front.connections === 0);
    // The read that was pending brings something for nobody.
    source.give("late");
  }
});

Deno.test("startHttp1() is not disturbed by handshakes that fail or take their time", async () => {
  await using server = await startTls(echo, { headMs: 300 });
  using silent = await RawClient.connect(server.port);
  using plain = await RawClient.connect(server.port);
  await plain.send(request("/plain"));
  using half = await RawClient.connect(server.port);
  await half.send(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01));
  using client = await connectTls(server.port);
  await client.send(request("/secure"));
  assertEquals(await client.until("/secure "), wire("/secure "));
  assert(!(await plain.all()).startsWith("HTTP/"));
  await eventually(() => server.events.length === 2);
  assertEquals(server.events, Array(2).fill({ kind: "timed-out", why: "head" }));
  await client.send(request("/again"));
  assertEquals(await client.until("/again "), wire("/again "));
  // Their descriptors are held by the platform until they go.
  assertEquals(server.front.connections, 3);
  for (const gone of [silent, half]) gone[Symbol.dispose]();
  await eventually(() => server.front.connections === 1);
});

Deno.test("startHttp1() speaks no HTTP/2", async () => {
  await using server = await startTls(echo);
  const failed = await connectTls(server.port, ["h2"]).then(async (client) => {
    using open = client;
    await (open.conn as Deno.TlsConn).handshake();
    return false;
  }).catch(() => true);
  assert(failed);
  using client = await connectTls(server.port, ["h2", "http/1.1"]);
  const { alpnProtocol } = await (client.conn as Deno.TlsConn).handshake();
  assertEquals(alpnProtocol, "http/1.1");
  await client.send(request("/"));
  assertEquals(await client.until("/ "), wire("/ "));
});

Deno.test("startHttp1() turns away over TLS, too", async () => {
  let asked = 0;
  const answered = Promise.withResolvers<void>();
  await using server = await startTls(async () => {
    asked++;
    await answered.promise;
    return answerOf("/ ");
  }, { maxConnections: 1 });
  using first = await connectTls(server.port);
  await first.send(request("/"));
  // One that rests would be closed for the second.
  await eventually(() => asked === 1);
  using second = await connectTls(server.port);
  assert((await second.all()).startsWith("HTTP/1.1 503 "));
  answered.resolve();
  await first.until("/ ");
});

Deno.test("close() ends TLS connections, in their handshakes too", async () => {
  const server = await startTls(echo);
  using _silent = await RawClient.connect(server.port);
  using client = await connectTls(server.port);
  await client.send(request("/"));
  await client.until("/ ");
  await eventually(() => server.front.connections === 2);
  await server.front.close();
  assertEquals(server.front.connections, 0);
  await client.conn.read(new Uint8Array(1)).catch(() => null);
});

Deno.test("startHttp1() notices one that leaves before a long answer over TLS, asked for a certificate or not", async () => {
  const made = await chains();
  for (const clientCa of [undefined, made.ca]) {
    let gone = 0;
    const tls = { ...made.server, ...(clientCa === undefined ? {} : { clientCa }) };
    await using server = startSockets(async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener("abort", resolve));
      gone++;
      return answerOf("");
    }, { tls });
    for (const [index, politely] of [true, false].entries()) {
      const { cert, key } = made.client;
      const conn = await Deno.connectTls({
        hostname: "localhost",
        port: server.port,
        caCerts: [made.ca],
        cert,
        key,
      });
      using client = new RawClient(conn);
      await client.send(request("/"));
      await eventually(() => server.front.connections === 1);
      if (politely) await conn.closeWrite();
      client[Symbol.dispose]();
      await eventually(() => gone === index + 1 && server.front.connections === 0);
    }
  }
});

Deno.test("startHttp1() ends handshakes that take too long where clients are asked for certificates", async () => {
  const made = await chains();
  const tls = { ...made.server, clientCa: made.ca };
  await using server = startSockets(echo, { limits: { headMs: 200 }, tls });
  using silent = await RawClient.connect(server.port);
  using half = await RawClient.connect(server.port);
  await half.send(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01));
  assertEquals([await silent.all(), await half.all()], ["", ""]);
  assertEquals(server.events, Array(2).fill({ kind: "timed-out", why: "head" }));
  await eventually(() => server.front.connections === 0);
});
