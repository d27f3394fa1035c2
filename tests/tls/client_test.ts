/** Node's TLS on the platform's connections, towards servers that ask for a certificate. */
import { createServer, type Server } from "node:tls";
import { clientTls, type ClientTlsOptions } from "../../lib/tls/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import type { Issued } from "../support/authority.ts";
import { type Chains, chains, readAll } from "./support.ts";

interface AskingServer extends AsyncDisposable {
  readonly port: number;
}

/** Tells each client whom it takes it for, and sends back what it is sent. */
async function startServer(shown: Issued, ca: string): Promise<AskingServer> {
  const server: Server = createServer(
    { ...shown, ca, requestCert: true, rejectUnauthorized: true },
    (socket) => {
      socket.on("error", () => {});
      const sni = "servername" in socket ? socket.servername : undefined;
      socket.write(JSON.stringify({ sni, by: socket.getPeerCertificate() }));
      socket.on("data", (bytes) => socket.write(bytes));
      socket.on("end", () => socket.end());
    },
  );
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function shakeHands(
  port: number,
  changes: Partial<ClientTlsOptions>,
  { ca, client }: Chains,
): Promise<Awaited<ReturnType<typeof clientTls>>> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  return await clientTls(conn, { ...client, serverName: "localhost", caCerts: [ca], ...changes });
}

Deno.test("clientTls() shows its certificate and asks for the server's name", async () => {
  const made = await chains();
  await using server = await startServer(made.server, made.ca);
  const socket = await shakeHands(server.port, {}, made);
  const sent = new Uint8Array(100_000).fill(0x61);
  assertEquals(await socket.write(sent), sent.length);
  await socket.closeWrite();
  const text = await readAll(socket);
  assertMatch(text, /^\{"sni":"localhost".*"CN":"client"/);
  assertEquals(text.slice(text.indexOf("aaa")).length, sent.length);
  socket.close();
});

Deno.test("clientTls() checks an address too, and does not tell it to the server", async () => {
  const made = await chains();
  await using server = await startServer(made.server, made.ca);
  const socket = await shakeHands(server.port, { serverName: "127.0.0.1" }, made);
  const buffer = new Uint8Array(1000);
  const size = await socket.read(buffer);
  assertMatch(new TextDecoder().decode(buffer.subarray(0, size ?? 0)), /^\{(?!.*"sni":")/);
  socket.close();
});

Deno.test("clientTls() refuses servers that cannot prove their name", async () => {
  const made = await chains();
  const rows: readonly (readonly [string, Issued, Partial<ClientTlsOptions>, RegExp])[] = [
    ["another name", made.wrongName, {}, /does not match certificate's altnames/],
    ["another name asked for", made.server, { serverName: "other" }, /does not match/],
    ["another address", made.server, { serverName: "127.0.0.2" }, /does not match|mismatch/i],
    ["expired", made.expired, {}, /expired|verify/],
    ["an unknown authority", made.strangers.cert, {}, /certificate|issuer/],
    ["none of the usual authorities", made.server, { caCerts: [] }, /certificate|issuer/],
  ];
  for (const [name, shown, changes, problem] of rows) {
    await using server = await startServer(shown, made.ca);
    const error = await assertRejects(() => shakeHands(server.port, changes, made), Error);
    assertMatch(error.message, problem, `${name}: ${error.message}`);
  }
});

Deno.test("clientTls() tells of a server that does not take its certificate", async () => {
  const made = await chains();
  await using server = await startServer(made.server, made.ca);
  const { cert, key } = made.strangers.cert;
  // With TLS 1.3 the server's refusal comes behind the handshake.
  await assertRejects(async () => {
    const socket = await shakeHands(server.port, { cert, key }, made);
    try {
      if (await socket.read(new Uint8Array(10)) === null) throw new Error("ended");
    } finally {
      socket.close();
    }
  }, Error);
});

Deno.test("clientTls() is given up by closing its connection", async () => {
  const made = await chains();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = silent.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: silent.addr.port });
  const waiting = assertRejects(
    () => clientTls(conn, { ...made.client, serverName: "localhost", caCerts: [made.ca] }),
    Error,
  );
  using _peer = await accepted;
  conn.close();
  await waiting;
});

Deno.test("clientTls() ends reads and writes that are pending when it is closed", async () => {
  const made = await chains();
  await using server = await startServer(made.server, made.ca);
  const socket = await shakeHands(server.port, {}, made);
  while ((await socket.read(new Uint8Array(10_000)) ?? 0) === 10_000);
  const reading = assertRejects(() => socket.read(new Uint8Array(10)), Error);
  socket.close();
  await reading;
  await assertRejects(() => socket.write(new Uint8Array(10)), Error);
});
