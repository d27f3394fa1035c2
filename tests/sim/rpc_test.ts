import { Dealer, Reply, Request } from "zeromq";
import { decodeUtf8, encodeUtf8, silentLogger, systemClock } from "../../lib/base/mod.ts";
import { RpcClient } from "../../lib/sim/rpc_client.ts";
import { type RpcHandler, RpcServer } from "../../lib/sim/rpc_server.ts";
import { encodeMessage, ZmtpConnection, ZmtpError } from "../../lib/sim/zmtp.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { allCuts } from "../support/cuts.ts";

const upper: RpcHandler = ([body]) =>
  Promise.resolve([[encodeUtf8(decodeUtf8(body ?? new Uint8Array(0)).toUpperCase())]]);

function server(handler: RpcHandler = upper): RpcServer & AsyncDisposable {
  const rpc = new RpcServer(
    { host: "127.0.0.1", port: 0, type: "ROUTER", log: silentLogger() },
    handler,
  );
  return Object.assign(rpc, { [Symbol.asyncDispose]: () => rpc.stop() });
}

function client(port: number, clock = systemClock()): RpcClient & AsyncDisposable {
  const rpc = new RpcClient({
    host: "127.0.0.1",
    port,
    type: "DEALER",
    timeoutMs: 5000,
    clock,
  });
  return Object.assign(rpc, { [Symbol.asyncDispose]: () => rpc.close() });
}

async function ask(rpc: RpcClient, text: string): Promise<string> {
  const [reply] = await rpc.request([encodeUtf8(text)]);
  return decodeUtf8(reply ?? new Uint8Array(0));
}

Deno.test("RpcClient gets the replies of an RpcServer in order", async () => {
  await using rpc = server();
  await using peer = client(rpc.port);
  const texts = Array.from({ length: 200 }, (_, index) => `message ${index}`);
  const replies = await Promise.all(texts.map((text) => ask(peer, text)));
  assertEquals(replies, texts.map((text) => text.toUpperCase()));
});

Deno.test("RpcClient and RpcServer carry frames of every length class", async () => {
  await using rpc = server(([body]) => Promise.resolve([[body ?? new Uint8Array(0)]]));
  await using peer = client(rpc.port);
  for (const size of [1, 255, 256, 65_536, 1_000_000]) {
    const body = new Uint8Array(size).fill(size % 251);
    const [reply] = await peer.request([body]);
    assertEquals(reply?.length, size);
    assertEquals(reply?.at(-1), size % 251);
  }
});

for (const type of ["Request", "Dealer"] as const) {
  Deno.test(`RpcServer answers libzmq's ${type} socket`, async () => {
    await using rpc = server();
    const socket = type === "Request" ? new Request({ linger: 0 }) : new Dealer({ linger: 0 });
    socket.connect(`tcp://127.0.0.1:${rpc.port}`);
    for (const text of ["one", "two"]) {
      await socket.send(type === "Request" ? text : ["", text]);
      await eventually(() => socket.readable, () => "a reply");
      const reply = await socket.receive();
      assertEquals(reply.at(-1)?.toString(), text.toUpperCase());
    }
    socket.close();
  });
}

Deno.test("RpcClient is answered by libzmq's Reply socket", async () => {
  const socket = new Reply({ linger: 0 });
  await socket.bind("tcp://127.0.0.1:0");
  const port = Number(/:(\d+)$/.exec(socket.lastEndpoint ?? "")?.[1]);
  await using peer = client(port);
  for (const text of ["one", "two"]) {
    const reply = ask(peer, text);
    await eventually(() => socket.readable, () => "a request");
    const [body] = await socket.receive();
    assertEquals(body?.toString(), text);
    await socket.send("yes");
    assertEquals(await reply, "yes");
  }
  socket.close();
});

Deno.test("RpcClient rejects when nobody listens, and is failed then", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using peer = client(port);
  await assertRejects(() => ask(peer, "x"), Deno.errors.ConnectionRefused);
  assert(peer.failed);
  await assertRejects(() => ask(peer, "x"), ZmtpError, "has failed");
});

Deno.test("RpcClient rejects, and closes, when the peer closes on its greeting", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = listener.accept().then((conn) => conn.close());
  await using peer = client(listener.addr.port);
  await assertRejects(() => ask(peer, "hello"), Error);
  assert(peer.failed);
  await closing;
});

Deno.test("RpcClient rejects what waits when its peer is late or stops", async () => {
  const clock = new FakeClock();
  const held = Promise.withResolvers<[]>();
  await using rpc = server(() => held.promise);
  const late = new RpcClient({
    host: "127.0.0.1",
    port: rpc.port,
    type: "DEALER",
    timeoutMs: 50,
    clock,
  });
  const waiting = assertRejects(() => ask(late, "x"), ZmtpError, "No reply");
  await clock.advance(60);
  await waiting;
  assertEquals(clock.pending, 0);
  await late.close();
  held.resolve([]);
});

Deno.test("RpcClient rejects when the peer closes on a message it does not take", async () => {
  await using rpc = server(() => Promise.reject(new Error("refused")));
  await using peer = client(rpc.port);
  await assertRejects(() => ask(peer, "x"), ZmtpError, "was closed");
});

Deno.test("RpcServer drops a peer that speaks HTTP", async () => {
  await using rpc = server();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: rpc.port });
  await conn.write(encodeUtf8("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + " ".repeat(64)));
  const buffer = new Uint8Array(256);
  let ended = false;
  while (!ended) {
    try {
      ended = await conn.read(buffer) === null;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      ended = true;
    }
  }
  await using peer = client(rpc.port);
  assertEquals(await ask(peer, "still here"), "STILL HERE");
});

Deno.test("ZmtpConnection reads messages the same at every cut", async () => {
  const messages = [
    [new Uint8Array(0), encodeUtf8("short")],
    [new Uint8Array(300).fill(7)],
    [encodeUtf8("a"), encodeUtf8("b"), new Uint8Array(0)],
  ];
  const whole = messages.flatMap((message) => [...encodeMessage(message)]);
  for (const { name, pieces } of allCuts(Uint8Array.from(whole), 5)) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepted = listener.accept();
    const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const [far] = await Promise.all([
      accepted.then((conn) => ZmtpConnection.handshake(conn, "ROUTER")),
      handshakeByHand(near),
    ]);
    for (const piece of pieces) await near.write(piece);
    for (const message of messages) assertEquals(await far.receive(), message, name);
    near.close();
    assertEquals(await far.receive(), undefined, name);
    far.close();
    listener.close();
  }
});

/** The bytes of ZeroMQ RFC 23, not those of the code under test. */
async function handshakeByHand(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const greeting = new Uint8Array(64);
  greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, 0x4e, 0x55, 0x4c, 0x4c]);
  await conn.write(greeting);
  const ready = "04 1a 05 52 45 41 44 59 0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 04";
  await conn.write(Uint8Array.from(ready.split(" ").map((byte) => parseInt(byte, 16))));
  await conn.write(encodeUtf8("PUSH"));
  const buffer = new Uint8Array(256);
  for (let got = 0; got < 70;) got += await conn.read(buffer) ?? 70;
}
