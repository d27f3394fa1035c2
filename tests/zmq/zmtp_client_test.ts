import { encodeUtf8, seededRandom } from "../../lib/base/mod.ts";
import {
  CLIENT_GRACE_MS,
  CLIENT_SILENCE_MS,
  type ClientOptions,
  ZmtpLost,
  ZmtpPeer,
} from "../../lib/zmq/zmtp_client.ts";
import { encodeFrames, GREETING, PING, pong, readyOf } from "../../lib/zmq/zmtp_decoder.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../../lib/zmq/pull_limits.ts";
import { requestMany } from "../../lib/zmq/zmtp_request.ts";
import { FIRST_RETRY_MS, type SubEvent, subscribe } from "../../lib/zmq/zmtp_sub.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { FakeStream, PEER_GREETING } from "./fake_stream.ts";
import { hex, take } from "./support.ts";

const LIMITS = { maxMessageBytes: 4096, maxFrames: 3 };
const ADDRESS = { host: "10.0.0.9", port: 5557 };

/** READY of a libzmq socket of `type`, whose name is as long as it is. */
function readyFrom(type: string, identity = ""): Uint8Array {
  const property = (name: string, value: string): number[] => [
    name.length,
    ...encodeUtf8(name),
    ...[0, 0, 0, value.length],
    ...encodeUtf8(value),
  ];
  const body = [5, ...encodeUtf8("READY"), ...property("Socket-Type", type)];
  body.push(...property("Identity", identity));
  return Uint8Array.of(4, body.length, ...body);
}

const PUB = bytes(PEER_GREETING, readyFrom("PUB"));
const SUB = [...GREETING, ...readyOf("SUB")];
const TEXT = new TextDecoder();

function bytes(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function message(...frames: readonly string[]): Uint8Array {
  return encodeFrames(frames.map(encodeUtf8));
}

interface Setup {
  readonly clock: FakeClock;
  readonly stream: FakeStream;
  readonly options: ClientOptions;
  readonly end: AbortController;
}

function setUp(stream = new FakeStream()): Setup {
  const clock = new FakeClock();
  const end = new AbortController();
  const dial = (): Promise<FakeStream> => Promise.resolve(stream);
  const options = { clock, dial, limits: LIMITS, type: "SUB", signal: end.signal } as const;
  return { clock, stream, options, end };
}

Deno.test("ZmtpPeer reads the same messages however they are cut", async () => {
  const sent = bytes(PUB, message("a", "b"), message("", "x".repeat(300), "c"), message("last"));
  for (const { name, pieces } of allCuts(sent, 20)) {
    const { stream, options } = setUp(new FakeStream(7));
    for (const piece of pieces) stream.deliver(piece);
    stream.deliver(null);
    using peer = await ZmtpPeer.open(ADDRESS, options);
    const seen: string[][] = [];
    for (let next = await peer.next(); next !== undefined; next = await peer.next()) {
      seen.push(next.map((frame) => TEXT.decode(frame)));
    }
    assertEquals(seen, [["a", "b"], ["", "x".repeat(300), "c"], ["last"]], name);
    assertEquals(stream.written, SUB, name);
  }
});

Deno.test("ZmtpPeer sends what RFC 23 says, long frames with eight bytes of length", async () => {
  const { stream, options } = setUp();
  stream.deliver(PUB);
  using peer = await ZmtpPeer.open(ADDRESS, options);
  stream.written.length = 0;
  await peer.send([hex("01"), new Uint8Array(256).fill(7)]);
  assertEquals(stream.written.slice(0, 3), [1, 1, 1]);
  assertEquals(stream.written.slice(3, 12), [2, 0, 0, 0, 0, 0, 0, 1, 0]);
  assertEquals(stream.written.length, 12 + 256);
});

Deno.test("ZmtpPeer answers a PING behind a large message", async () => {
  const { stream, options } = setUp();
  stream.deliver(PUB);
  using peer = await ZmtpPeer.open(ADDRESS, options);
  stream.written.length = 0;
  stream.deliver(message("x".repeat(4000)));
  stream.deliver(hex("04 09 04 50 49 4e 47 00 0a 68 69"));
  stream.deliver(message("y"));
  assertEquals((await peer.next())?.[0]?.length, 4000);
  assertEquals(TEXT.decode((await peer.next())?.[0]), "y");
  assertEquals(stream.written, [...pong(encodeUtf8("hi"))]);
});

for (
  const [what, sent, reason] of [
    ["another socket", bytes(PEER_GREETING, readyFrom("PUSH")), 'socket type "PUSH"'],
    ["a stranger", encodeUtf8("HTTP/1.1 400 Bad Request\r\n"), "not a ZeroMQ peer"],
    ["a cut handshake", PEER_GREETING.slice(0, 20), "closed within the handshake"],
  ] as const
) {
  Deno.test(`ZmtpPeer.open() refuses ${what} and closes it`, async () => {
    const { stream, options, clock } = setUp();
    stream.deliver(sent);
    stream.deliver(null);
    await assertRejects(() => ZmtpPeer.open(ADDRESS, options), ZmtpLost, reason);
    assertEquals([stream.closed, clock.pending], [1, 0]);
  });
}

Deno.test("ZmtpPeer.open() gives up a peer that says nothing", async () => {
  const { stream, options, clock } = setUp();
  const opening = assertRejects(
    () => ZmtpPeer.open(ADDRESS, options),
    ZmtpLost,
    `no handshake within ${HANDSHAKE_TIMEOUT_MS} ms`,
  );
  await clock.advance(HANDSHAKE_TIMEOUT_MS);
  await opening;
  assertEquals([stream.closed, clock.pending], [1, 0]);
});

Deno.test("ZmtpPeer.next() refuses a message over the limit before it is held", async () => {
  const { stream, options } = setUp();
  stream.deliver(PUB);
  using peer = await ZmtpPeer.open(ADDRESS, options);
  stream.deliver(hex("02 00 00 00 00 40 00 00 00"));
  await assertRejects(() => peer.next(), ZmtpLost, "the limit is 4096");
  assertEquals(stream.closed, 1);
});

Deno.test("ZmtpPeer.next() asks a silent peer for a sign of life, and gives it up without", async () => {
  const { stream, options, clock } = setUp();
  stream.deliver(PUB);
  using peer = await ZmtpPeer.open(ADDRESS, options);
  stream.written.length = 0;
  const first = peer.next();
  await clock.advance(CLIENT_SILENCE_MS);
  assertEquals(stream.written, [...PING]);
  stream.deliver(bytes(pong(new Uint8Array(0)), message("alive")));
  assertEquals(TEXT.decode((await first)?.[0]), "alive");
  const second = assertRejects(() => peer.next(), ZmtpLost, "silent for 45000 ms");
  await clock.advance(CLIENT_SILENCE_MS + CLIENT_GRACE_MS);
  await second;
  assertEquals([stream.closed, clock.pending], [1, 0]);
});

Deno.test("subscribe() connects again with growing waits, and subscribes each time", async () => {
  const clock = new FakeClock();
  const end = new AbortController();
  const streams: FakeStream[] = [];
  let refused = 0;
  const dial = (): Promise<FakeStream> => {
    if (refused++ < 2) return Promise.reject(new Error("connection refused"));
    const stream = new FakeStream();
    stream.deliver(PUB);
    stream.deliver(message("kv", "1"));
    stream.deliver(null);
    streams.push(stream);
    return Promise.resolve(stream);
  };
  const random = seededRandom(1);
  const seen: SubEvent[] = [];
  const reading = (async () => {
    const options = { clock, random, dial, limits: LIMITS, topic: "kv", signal: end.signal };
    for await (const event of subscribe(ADDRESS, options)) {
      seen.push(event);
      if (event.kind === "lost" && streams.length === 2) end.abort();
    }
  })();
  for (let turn = 0; turn < 100 && !end.signal.aborted; turn++) await clock.advance(1_000);
  await reading;
  assertEquals(seen.map(({ kind }) => kind), [
    ...["lost", "lost"],
    ...["open", "message", "lost"],
    ...["open", "message", "lost"],
  ]);
  const waits = seen.flatMap((event) => event.kind === "lost" ? [event.retryMs] : []);
  const bases = [FIRST_RETRY_MS, 2 * FIRST_RETRY_MS, FIRST_RETRY_MS, FIRST_RETRY_MS];
  for (const [index, base] of bases.entries()) {
    const wait = waits[index] ?? 0;
    assertEquals(wait >= base * 0.5 && wait < base * 1.5, true, `${wait} about ${base}`);
  }
  const subscription = [0, 3, 1, ...encodeUtf8("kv")];
  for (const { written, closed } of streams) {
    assertEquals([written, closed], [[...SUB, ...subscription], 1]);
  }
  assertEquals(clock.pending, 0);
});

Deno.test("subscribe() reads no further than its messages are taken", async () => {
  const { stream, options, clock, end } = setUp();
  stream.deliver(PUB);
  for (let index = 0; index < 100; index++) stream.deliver(message(`${index}`));
  const events = subscribe(ADDRESS, { ...options, random: seededRandom(1), topic: "" });
  const seen = await take({ [Symbol.asyncIterator]: () => events }, 3);
  await settle();
  assertEquals(seen.map(({ kind }) => kind), ["open", "message", "message"]);
  assertEquals(stream.unread >= 97, true, `${stream.unread} unread`);
  end.abort();
  assertEquals([stream.closed, clock.pending], [1, 0]);
});

Deno.test("requestMany() asks as a DEALER and ends with whoever reads", async () => {
  const { stream, options, clock } = setUp();
  const ready = readyFrom("ROUTER");
  stream.deliver(bytes(PEER_GREETING, ready, message("", "1", "a"), message("", "2", "b")));
  const asked = { ...options, idleMs: 1_000 };
  const seen: string[][] = [];
  for await (const frames of requestMany(ADDRESS, [encodeUtf8("from 1")], asked)) {
    seen.push(frames.map((frame) => TEXT.decode(frame)));
    if (seen.length === 2) break;
  }
  assertEquals(seen, [["1", "a"], ["2", "b"]]);
  const question = [1, 0, 0, 6, ...encodeUtf8("from 1")];
  assertEquals(stream.written, [...GREETING, ...readyOf("DEALER"), ...question]);
  assertEquals([stream.closed, clock.pending], [1, 0]);
});

Deno.test("requestMany() waits for an answer no longer than it is told", async () => {
  const { stream, options, clock } = setUp();
  stream.deliver(bytes(PEER_GREETING, readyFrom("ROUTER"), message("", "1")));
  const answers = requestMany(ADDRESS, [], { ...options, idleMs: 1_000 });
  assertEquals((await answers.next()).done, false);
  const late = assertRejects(() => answers.next(), ZmtpLost, "no answer within 1000 ms");
  await clock.advance(1_000);
  await late;
  assertEquals([stream.closed, clock.pending], [1, 0]);
});
