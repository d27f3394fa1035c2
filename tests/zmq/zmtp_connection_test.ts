import { HANDSHAKE_TIMEOUT_MS } from "../../lib/zmq/pull_limits.ts";
import {
  type ConnectionEnd,
  serveConnection,
  SILENCE_GRACE_MS,
  type ZmtpConnection,
} from "../../lib/zmq/zmtp_connection.ts";
import { GREETING, READY } from "../../lib/zmq/zmtp_decoder.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeStream, PEER_GREETING, PEER_READY } from "./fake_stream.ts";
import { hex } from "./support.ts";

interface Setting {
  readonly clock: FakeClock;
  readonly stream: FakeStream;
  readonly connection: ZmtpConnection;
  readonly messages: string[];
  readonly ready: () => number;
}

function serve(stream = new FakeStream(), room = (): Promise<void> => Promise.resolve()): Setting {
  const clock = new FakeClock();
  const messages: string[] = [];
  let ready = 0;
  const connection = serveConnection(stream, {
    clock,
    limits: { maxMessageBytes: 4096, maxFrames: 8 },
    onReady: () => ready++,
    onMessage: (frames) =>
      messages.push(frames.map((frame) => String.fromCharCode(...frame)).join("|")),
    room,
  });
  return { clock, stream, connection, messages, ready: () => ready };
}

async function ended(at: Setting, expected: ConnectionEnd): Promise<void> {
  assertEquals(await at.connection.ended, expected);
  assertEquals([at.stream.closed, at.clock.pending], [1, 0], "closed once, no timer left");
}

Deno.test("serveConnection() shakes hands, then hands messages on", async () => {
  const at = serve();
  await settle();
  assertEquals(at.stream.written, [...GREETING], "READY waits for the peer's greeting");
  assertEquals(at.stream.keptAlive, true);
  at.stream.deliver(PEER_GREETING);
  await settle();
  assertEquals(at.stream.written.splice(0), [...GREETING, ...READY]);
  assertEquals([at.ready(), at.clock.pending], [0, 1]);
  at.stream.deliver(PEER_READY);
  await settle();
  assertEquals([at.ready(), at.clock.pending], [1, 0], "no timer once it is a peer");
  at.stream.deliver(hex("00 01 61 01 01 62 00 01 63 00 02 64"));
  at.stream.deliver(hex("65"));
  at.stream.deliver(hex("04 09 04 50 49 4e 47 00 0a 68 69"));
  at.stream.deliver(null);
  await ended(at, { kind: "left" });
  assertEquals(at.messages, ["a", "b|c", "de"]);
  assertEquals(at.stream.written, [...hex("04 07 04 50 4f 4e 47 68 69")]);
});

Deno.test("serveConnection() writes all, however little a write takes", async () => {
  const at = serve(new FakeStream(7));
  at.stream.deliver(PEER_GREETING);
  at.stream.deliver(null);
  await ended(at, { kind: "stranger" });
  assertEquals(at.stream.written, [...GREETING, ...READY]);
});

Deno.test("serveConnection() reads no more while there is no room", async () => {
  const gate = Promise.withResolvers<void>();
  const at = serve(new FakeStream(), () => gate.promise);
  at.stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY, 0, 1, 0x61));
  at.stream.deliver(hex("00 01 62"));
  at.stream.deliver(null);
  await settle();
  assertEquals(at.messages, ["a"]);
  gate.resolve();
  await ended(at, { kind: "left" });
  assertEquals(at.messages, ["a", "b"]);
});

Deno.test("serveConnection() drops a peer that does not shake hands in time", async () => {
  for (const sent of [new Uint8Array(), PEER_GREETING]) {
    const at = serve();
    if (sent.length > 0) at.stream.deliver(sent);
    await at.clock.advance(HANDSHAKE_TIMEOUT_MS - 1);
    assertEquals(at.stream.closed, 0);
    await at.clock.advance(1);
    await ended(at, { kind: "rejected", reason: "no handshake within 10000 ms" });
  }
});

Deno.test("serveConnection() has patience with a peer that is silent after its handshake", async () => {
  const at = serve();
  at.stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY));
  await at.clock.advance(10 * HANDSHAKE_TIMEOUT_MS);
  assertEquals([at.stream.closed, at.ready()], [0, 1]);
  at.stream.deliver(null);
  await ended(at, { kind: "left" });
});

/** A PING that announces 700 ms, and one that takes that back. */
const PING_700 = hex("04 07 04 50 49 4e 47 00 07");
const PING_0 = hex("04 07 04 50 49 4e 47 00 00");

/** A connection whose peer has shaken hands and sent `bytes`. */
async function pinged(bytes: Uint8Array, stream = new FakeStream()): Promise<Setting> {
  const at = serve(stream);
  at.stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY, ...bytes));
  await settle();
  return at;
}

const SILENT: ConnectionEnd = { kind: "left", reason: "silent for the 700 ms of its heartbeats" };

Deno.test("serveConnection() drops a peer that is silent beyond its PING's time-to-live", async () => {
  const at = await pinged(PING_700);
  await at.clock.advance(700 + SILENCE_GRACE_MS - 1);
  assertEquals(at.stream.closed, 0);
  await at.clock.advance(1);
  await ended(at, SILENT);
});

Deno.test("serveConnection() takes anything a peer sends for a sign of life", async () => {
  const at = await pinged(PING_700);
  // A message, half of one, its end, a PING, and a command of no meaning.
  for (const sent of ["00 01 61", "00 02 62", "63", "04 07 04 50 49 4e 47 00 07", "04 02 01 58"]) {
    await at.clock.advance(699);
    at.stream.deliver(hex(sent));
    await settle();
  }
  assertEquals([at.stream.closed, at.messages], [0, ["a", "bc"]]);
  await at.clock.advance(700 + SILENCE_GRACE_MS);
  await ended(at, SILENT);
});

Deno.test("serveConnection() reads what came while the process was held up before it drops a peer", async () => {
  const at = await pinged(PING_700);
  await at.clock.advance(700);
  at.stream.deliver(hex("00 01 61"));
  await at.clock.advance(699);
  assertEquals([at.stream.closed, at.messages], [0, ["a"]]);
  at.stream.deliver(null);
  await ended(at, { kind: "left" });
});

Deno.test("serveConnection() lets a peer be silent that announces no time-to-live any more", async () => {
  const at = await pinged(Uint8Array.of(...PING_700, ...PING_0));
  assertEquals(at.clock.pending, 0);
  await at.clock.advance(100_000);
  at.stream.deliver(null);
  await ended(at, { kind: "left" });
});

Deno.test("serveConnection() does not count the time in which it does not read", async () => {
  const gate = Promise.withResolvers<void>();
  const at = serve(new FakeStream(), () => gate.promise);
  at.stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY, ...PING_700));
  await at.clock.advance(100_000);
  assertEquals([at.stream.closed, at.clock.pending], [0, 0]);
  gate.resolve();
  await at.clock.advance(700 + SILENCE_GRACE_MS);
  await ended(at, SILENT);
});

Deno.test("serveConnection() drops a peer that does not take its PONG in that time", async () => {
  const stream = new FakeStream();
  const at = await pinged(PING_0, stream);
  const stuck = Promise.withResolvers<number>();
  stream.write = () => stuck.promise;
  stream.deliver(PING_700);
  await at.clock.advance(700 + SILENCE_GRACE_MS);
  assertEquals(stream.closed, 1);
  stuck.reject(new Deno.errors.BadResource("Bad resource ID"));
  await ended(at, SILENT);
});

Deno.test("serveConnection() gives the timer of a silence back however the peer goes", async () => {
  const reset = new Deno.errors.ConnectionReset("Connection reset by peer");
  const stories: readonly (readonly [Uint8Array | Error | null, ConnectionEnd])[] = [
    [null, { kind: "left" }],
    [reset, { kind: "left", reason: "Connection reset by peer" }],
    [hex("80"), { kind: "rejected", reason: "frame with reserved flags 128" }],
  ];
  for (const [last, end] of stories) {
    const at = await pinged(PING_700);
    assertEquals(at.clock.pending, 1);
    at.stream.deliver(last);
    await ended(at, end);
  }
  const at = await pinged(PING_700);
  at.connection.close();
  await ended(at, { kind: "left", reason: "Bad resource ID" });
});

Deno.test("serveConnection() drops a peer that breaks the protocol", async () => {
  const at = serve();
  at.stream.deliver(Uint8Array.of(...PEER_GREETING, ...PEER_READY, 0, 1, 0x61, 0x80));
  await ended(at, { kind: "rejected", reason: "frame with reserved flags 128" });
  assertEquals(at.messages, ["a"], "what came before is kept");
});

Deno.test("serveConnection() tells how a peer went", async () => {
  const peer = Uint8Array.of(...PEER_GREETING, ...PEER_READY);
  const reset = new Deno.errors.ConnectionReset("Connection reset by peer");
  const stories: readonly (readonly [readonly (Uint8Array | Error | null)[], ConnectionEnd])[] = [
    [[null], { kind: "stranger" }],
    [[reset], { kind: "stranger" }],
    [[PEER_GREETING.subarray(0, 20), null], { kind: "stranger" }],
    [[peer, reset], { kind: "left", reason: "Connection reset by peer" }],
    [[peer, hex("00 05 61"), null], { kind: "left", reason: "cut within a message" }],
  ];
  for (const [story, end] of stories) {
    const at = serve();
    for (const event of story) at.stream.deliver(event);
    await ended(at, end);
    assertEquals(at.messages, []);
  }
});

Deno.test("serveConnection() close() ends it at any point, any number of times", async () => {
  for (const sent of [undefined, Uint8Array.of(...PEER_GREETING, ...PEER_READY)]) {
    const at = serve();
    if (sent !== undefined) at.stream.deliver(sent);
    await settle();
    at.connection.close();
    at.connection.close();
    await ended(
      at,
      sent === undefined ? { kind: "stranger" } : { kind: "left", reason: "Bad resource ID" },
    );
  }
});
