import fc from "fast-check";
import { seededRandom } from "../../lib/base/mod.ts";
import {
  GREETING,
  pong,
  READY,
  ZmtpDecoder,
  ZmtpError,
  type ZmtpLimits,
} from "../../lib/zmq/zmtp_decoder.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { hex } from "./support.ts";

const LIMITS: ZmtpLimits = { maxMessageBytes: 600, maxFrames: 3 };

// RFC 23 and 37.
const PEER_GREETING = `ff 00 00 00 00 00 00 00 00 7f 03 01 4e 55 4c 4c ${"00 ".repeat(48)}`;
const PEER_READY = `04 1a 05 52 45 41 44 59 0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 04
  50 55 53 48`;
// libzmq adds an Identity property when one is set.
const READY_WITH_IDENTITY = `04 29 05 52 45 41 44 59 08 49 64 65 6e 74 69 74 79 00 00 00 02 68 69
  0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 04 50 55 53 48`;
const NOTICE = `82 a4 74 79 70 65 aa 50 72 6f 78 79 4e 6f 74 69 66 a6 72 65 71 5f 69 64 a1 31`;
const PING = "04 09 04 50 49 4e 47 00 0a 68 69";

type Happening =
  | readonly ["greeted" | "ready"]
  | readonly ["ping", string]
  | readonly ["message", ...string[]];

/** Feed `bytes` in pieces that end at `cuts`, keeping the unconsumed rest as a connection does. */
function feed(bytes: Uint8Array, cuts: readonly number[], limits = LIMITS): Happening[] {
  const seen: Happening[] = [];
  const decoder = new ZmtpDecoder({
    greeted: () => seen.push(["greeted"]),
    ready: () => seen.push(["ready"]),
    ping: (context) => seen.push(["ping", text(context)]),
    message: (frames) => seen.push(["message", ...frames.map(text)]),
  }, limits);
  // The buffer is overwritten at each turn: a frame that were a view of it would change.
  const buffer = new Uint8Array(ZmtpDecoder.bufferBytes(limits));
  let held = 0;
  let start = 0;
  for (const end of [...cuts, bytes.length]) {
    while (start < end) {
      const size = Math.min(end - start, buffer.length - held);
      buffer.set(bytes.subarray(start, start + size), held);
      start += size;
      const used = decoder.take(buffer.subarray(0, held + size));
      const rest = buffer.slice(used, held + size);
      buffer.fill(0xee);
      buffer.set(rest);
      held = rest.length;
    }
  }
  assertEquals(held, 0, "everything was consumed");
  return seen;
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** A message frame in the short form. */
function frame(body: string, flags = 0): number[] {
  return [flags, body.length, ...Array.from(body, (char) => char.charCodeAt(0))];
}

/** A message frame in the long form. */
function longFrame(body: string, flags = 2): number[] {
  const size = new Uint8Array(8);
  new DataView(size.buffer).setBigUint64(0, BigInt(body.length));
  return [flags, ...size, ...Array.from(body, (char) => char.charCodeAt(0))];
}

function bytes(...parts: (string | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => typeof part === "string" ? [...hex(part)] : part));
}

Deno.test("GREETING, READY and pong() are the bytes of the RFCs", () => {
  assertEquals(
    GREETING,
    hex(`ff 00 00 00 00 00 00 00 00 7f 03 00 4e 55 4c 4c ${"00 ".repeat(48)}`),
  );
  assertEquals(
    READY,
    hex(`04 1a 05 52 45 41 44 59 0b 53 6f 63 6b 65 74 2d 54 79 70 65 00 00 00 04 50 55 4c 4c`),
  );
  assertEquals(pong(hex("68 69")), hex("04 07 04 50 4f 4e 47 68 69"));
});

const CONVERSATION = bytes(
  PEER_GREETING,
  PEER_READY,
  frame(text(hex(NOTICE))),
  PING,
  frame("a", 1),
  longFrame("b".repeat(300), 3),
  frame(""),
  longFrame("c".repeat(600)),
  frame(""),
);
const SEEN: readonly Happening[] = [
  ["greeted"],
  ["ready"],
  ["message", text(hex(NOTICE))],
  ["ping", "hi"],
  ["message", "a", "b".repeat(300), ""],
  ["message", "c".repeat(600)],
  ["message", ""],
];

Deno.test("ZmtpDecoder.take() reads a conversation fed whole", () => {
  assertEquals(feed(CONVERSATION, []), SEEN);
});

Deno.test("ZmtpDecoder.take() reads a conversation fed byte by byte", () => {
  assertEquals(feed(CONVERSATION, Array.from(CONVERSATION.keys())), SEEN);
});

Deno.test("ZmtpDecoder.take() reads a conversation cut anywhere", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 200; round++) {
    const cuts = Array.from(
      { length: 1 + round % 20 },
      () => Math.floor(random.next() * CONVERSATION.length),
    ).sort((a, b) => a - b);
    assertEquals(feed(CONVERSATION, cuts), SEEN, `cuts ${cuts}`);
  }
});

Deno.test("ZmtpDecoder.take() reads a READY with properties before and in any case", () => {
  const lower = PEER_READY.replace("53 6f 63 6b 65 74", "73 6f 63 6b 65 74");
  for (const ready of [READY_WITH_IDENTITY, lower]) {
    assertEquals(feed(bytes(PEER_GREETING, ready), []), [["greeted"], ["ready"]]);
  }
});

Deno.test("ZmtpDecoder.take() takes no command but PING for anything", () => {
  const subscribe = "04 0a 09 53 55 42 53 43 52 49 42 45";
  const seen = feed(bytes(PEER_GREETING, PEER_READY, subscribe, frame("x")), []);
  assertEquals(seen, [["greeted"], ["ready"], ["message", "x"]]);
});

Deno.test("ZmtpDecoder.take() keeps at most 16 bytes of a ping's context", () => {
  const ping = [4, 5 + 2 + 40, 4, 0x50, 0x49, 0x4e, 0x47, 0, 10, ...Array(40).fill(0x78)];
  const seen = feed(bytes(PEER_GREETING, PEER_READY, ping), []);
  assertEquals(seen.at(-1), ["ping", "x".repeat(16)]);
});

Deno.test("ZmtpDecoder.take() tells the time-to-live of a PING in milliseconds", () => {
  const ttls: number[] = [];
  const none = (): void => {};
  const ping = (_context: Uint8Array, ttlMs: number): void => void ttls.push(ttlMs);
  const decoder = new ZmtpDecoder({ greeted: none, ready: none, ping, message: none }, LIMITS);
  const pings = ["00 00", "00 07", "01 00", "ff ff"].map((ttl) => `04 07 04 50 49 4e 47 ${ttl}`);
  decoder.take(bytes(PEER_GREETING, PEER_READY, ...pings));
  assertEquals(ttls, [0, 700, 25_600, 6_553_500]);
});

/** What breaks the protocol: the bytes after which the peer is known to be wrong, and why. */
const BROKEN: readonly (readonly [name: string, bytes: Uint8Array, reason: string])[] = [
  ["HTTP", bytes(Array.from("GET /", (char) => char.charCodeAt(0))), "not a ZeroMQ peer"],
  [
    "ZMTP 2",
    bytes("ff 00 00 00 00 00 00 00 01 7f 01 08"),
    "ZMTP revision 1 is too old, 3 is needed",
  ],
  [
    "CURVE",
    bytes(PEER_GREETING.replace("4e 55 4c 4c 00", "43 55 52 56 45")),
    `security mechanism "CURVE", only NULL is spoken`,
  ],
  ["a message before READY", bytes(PEER_GREETING, frame("x")), "message before the handshake"],
  ["another command first", bytes(PEER_GREETING, PING), `command "PING", not READY`],
  [
    "a PUB socket",
    bytes(
      PEER_GREETING,
      PEER_READY.replace("04 1a", "04 19").replace("04\n  50 55 53 48", "03 50 55 42"),
    ),
    `socket type "PUB", not PUSH`,
  ],
  ["READY without a type", bytes(PEER_GREETING, "04 06 05 52 45 41 44 59"), "without Socket-Type"],
  [
    "READY cut short",
    bytes(PEER_GREETING, PEER_READY.replace("04 1a", "04 18").replace("53 48", "")),
    "READY cut short",
  ],
  ["a command cut short", bytes(PEER_GREETING, "04 02 05 52"), "command cut short"],
  ["an ERROR", bytes(PEER_GREETING, "04 09 05 45 52 52 4f 52 02 6e 6f"), `peer error "no"`],
  [
    "a PING without a time-to-live",
    bytes(PEER_GREETING, PEER_READY, "04 06 04 50 49 4e 47 00"),
    "PING cut short",
  ],
  ["reserved flags", bytes(PEER_GREETING, "08 00"), "reserved flags 8"],
  [
    "a long frame",
    bytes(PEER_GREETING, PEER_READY, "02 00 00 00 00 00 00 02 59"),
    "frame of 601 bytes, the limit is 600",
  ],
  [
    "an endless frame",
    bytes(PEER_GREETING, PEER_READY, "02 ff ff ff ff ff ff ff ff"),
    "the limit is 600",
  ],
  [
    "a long message",
    bytes(PEER_GREETING, PEER_READY, longFrame("x".repeat(400), 3), longFrame("x".repeat(201))),
    "message of over 600 bytes",
  ],
  [
    "many frames",
    bytes(PEER_GREETING, PEER_READY, ...Array.from({ length: 4 }, () => frame("", 1))),
    "over 3 frames",
  ],
];

for (const [name, broken, reason] of BROKEN) {
  Deno.test(`ZmtpDecoder.take() refuses ${name}`, () => {
    assertThrows(() => feed(broken, []), ZmtpError, reason);
    assertThrows(() => feed(broken, Array.from(broken.keys())), ZmtpError, reason);
  });
}

Deno.test("ZmtpDecoder.take() ends any bytes in a ZmtpError or consumes no more than there are", () => {
  const head = bytes(PEER_GREETING, PEER_READY);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (tail, greeted) => {
      const sent = greeted ? Uint8Array.of(...head, ...tail) : tail;
      const none = (): void => {};
      const sink = { greeted: none, ready: none, ping: none, message: none };
      try {
        assert(new ZmtpDecoder(sink, LIMITS).take(sent) <= sent.length);
      } catch (error) {
        if (!(error instanceof ZmtpError)) throw error;
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});
