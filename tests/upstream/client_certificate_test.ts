/** The client towards engines that ask for a certificate, or go by another name, on real sockets. */
import { createServer } from "node:tls";
import { RouterError, systemClock } from "../../lib/base/mod.ts";
import { createUpstreamClient, type UpstreamClientOptions } from "../../lib/upstream/mod.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { type Issued, makeAuthority } from "../support/authority.ts";
import { request, text } from "./support/fixture.ts";

interface Chains {
  readonly ca: string;
  readonly engine: Issued;
  readonly expired: Issued;
  readonly renamed: Issued;
  readonly router: Issued;
  readonly renewed: Issued;
  readonly stranger: Issued;
}

let made: Promise<Chains> | undefined;

/** One set for all tests of this file. */
function chains(): Promise<Chains> {
  return made ??= (async () => {
    await using authority = await makeAuthority();
    await using other = await makeAuthority("other");
    return {
      ca: authority.ca,
      engine: await authority.issue(),
      expired: await authority.issue({ expired: true }),
      renamed: await authority.issue({ names: "DNS:engines.example" }),
      router: await authority.issue({ commonName: "router" }),
      renewed: await authority.issue({ commonName: "renewed" }),
      stranger: await other.issue({ commonName: "stranger" }),
    };
  })();
}

interface Engine extends AsyncDisposable {
  readonly url: string;
  connections(): number;
}

/** An engine that answers each request with the name in the client's certificate and the one asked for. */
async function startEngine(shown: Issued, { ca }: Chains, requestCert = true): Promise<Engine> {
  let connections = 0;
  const server = createServer({ ...shown, ca, requestCert }, (socket) => {
    connections++;
    socket.on("error", () => {});
    socket.on("data", () => {
      const asked = "servername" in socket ? socket.servername : undefined;
      const { subject } = socket.getPeerCertificate() ?? {};
      const body = `${subject?.CN ?? "nobody"} asks for ${asked || "nobody"}`;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    });
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    url: `https://localhost:${port}`,
    connections: () => connections,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function ask(url: string, options: Partial<UpstreamClientOptions>): Promise<string> {
  using client = createUpstreamClient({ clock: systemClock(), ...options });
  using response = await client.send(request({ url }));
  return await text(response);
}

Deno.test("client shows engines its certificate, and keeps the connection", async () => {
  const made = await chains();
  await using engine = await startEngine(made.engine, made);
  using client = createUpstreamClient({
    clock: systemClock(),
    caCerts: [made.ca],
    clientPair: () => made.router,
  });
  for (let round = 0; round < 3; round++) {
    using response = await client.send(request({ url: engine.url }));
    assertEquals(await text(response), "router asks for localhost");
  }
  assertEquals([engine.connections(), client.stats().idle], [1, 1]);
});

Deno.test("client shows the certificate of the moment on each connection", async () => {
  const made = await chains();
  await using engine = await startEngine(made.engine, made);
  let pair = made.router;
  using client = createUpstreamClient({
    clock: systemClock(),
    caCerts: [made.ca],
    clientPair: () => pair,
    maxIdlePerOrigin: 0,
  });
  const seen: string[] = [];
  for (const next of [made.router, made.renewed]) {
    pair = next;
    using response = await client.send(request({ url: engine.url }));
    seen.push((await text(response)).split(" ")[0] ?? "");
  }
  assertEquals(seen, ["router", "renewed"]);
});

Deno.test("client is refused by engines that do not know its certificate, and says so", async () => {
  const made = await chains();
  await using engine = await startEngine(made.engine, made);
  for (const pair of [made.stranger, undefined]) {
    const options = pair === undefined ? {} : { clientPair: () => pair };
    const error = await assertRejects(
      () => ask(engine.url, { caCerts: [made.ca], ...options }),
      RouterError,
    );
    assert(["upstream-unreachable", "upstream-protocol"].includes(error.code), error.message);
  }
  assertEquals(engine.connections(), 0);
});

Deno.test("client asks engines for another name than their URL's, with and without a certificate", async () => {
  const made = await chains();
  await using engine = await startEngine(made.renamed, made, false);
  const serverName = "engines.example";
  for (const options of [{}, { clientPair: () => made.router }]) {
    const answer = await ask(engine.url, { caCerts: [made.ca], serverName, ...options });
    assertEquals(answer.split(" asks for ")[1], "engines.example");
    const error = await assertRejects(
      () => ask(engine.url, { caCerts: [made.ca], ...options }),
      RouterError,
    );
    assertEquals(error.code, "upstream-unreachable");
  }
});

Deno.test("client with a certificate refuses engines that cannot prove who they are", async () => {
  const made = await chains();
  const rows = [
    [made.expired, made.ca, /verify|expired/],
    [made.renamed, made.ca, /altnames/],
    [made.stranger, made.ca, /certificate|issuer/],
  ] as const;
  for (const [shown, ca, problem] of rows) {
    await using engine = await startEngine(shown, made);
    const error = await assertRejects(
      () => ask(engine.url, { caCerts: [ca], clientPair: () => made.router }),
      RouterError,
    );
    assertEquals(error.code, "upstream-unreachable");
    assertMatch(error.message, problem);
  }
});

Deno.test("client with a certificate gives a handshake up when its time is over", async () => {
  const made = await chains();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  using client = createUpstreamClient({
    clock: systemClock(),
    caCerts: [made.ca],
    clientPair: () => made.router,
  });
  const url = `https://localhost:${silent.addr.port}`;
  const sent = assertRejects(
    () => client.send({ ...request({ url }), connectTimeoutMs: 50 }),
    RouterError,
    "not connected in 50 ms",
  );
  using peer = await accepted;
  await sent;
  while (await peer.read(new Uint8Array(1000)).catch(() => null) !== null);
  assertEquals(client.stats(), { open: 0, idle: 0 });
});
