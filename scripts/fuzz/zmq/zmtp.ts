/** Bytes of ZeroMQ peers: the decoder at every cut, and a connection from greeting to close. @module */
import { systemClock } from "../../../lib/base/mod.ts";
import {
  type ConnectionEnd,
  serveConnection,
  type ZmtpStream,
} from "../../../lib/zmq/zmtp_connection.ts";
import { GREETING, ZmtpDecoder, ZmtpError, type ZmtpSink } from "../../../lib/zmq/zmtp_decoder.ts";
import { cut } from "../cuts.ts";
import type { Corpus } from "../mutate.ts";
import { difference, outcomeOf } from "../outcome.ts";
import { parserTarget } from "../parser_target.ts";
import type { FuzzTarget } from "../target.ts";
import { textOf } from "../text.ts";

const LIMITS = { maxMessageBytes: 4096, maxFrames: 4 } as const;

const HELLO = `\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL${"\0".repeat(48)}`;
const READY = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";
const IDENTITY = "\x04\x29\x05READY\x08Identity\0\0\0\x02ab\x0bSocket-Type\0\0\0\x04PUSH";
const PEER = HELLO + READY;

const CORPUS: Corpus = {
  seeds: [
    `${PEER}\0\x05hello`,
    `${PEER}\x01\x01a\x01\x01b\0\x01c\0\0`,
    `${PEER}\x02\0\0\0\0\0\0\x01\0${"x".repeat(256)}\0\x01a`,
    `${PEER}\x04\x0a\x04PING\0\x0actx\0\x01a`,
    `${PEER}\x04\x07\x04PING\0\0\x04\x09\x05ERROR\x02no`,
    `${PEER}${"\x01\x01a".repeat(6)}\0\x01b`,
    `${HELLO}${IDENTITY}\0\x03abc`,
    `${HELLO}${READY.replace("PUSH", "PULL")}`,
    `${HELLO.replace("NULL", "PLAIN").slice(0, 64)}`,
    `${PEER}\x02\0\0\0\0\0\0\xff\xff`,
    `${PEER}\x02\xff\xff\xff\xff\xff\xff\xff\xff`,
    "\xff\0\0\0\0\0\0\0\x01\x7f\x01",
    "GET / HTTP/1.1\r\n\r\n",
    "\x01\0",
  ],
  words: [
    HELLO,
    READY,
    "\0\x05hello",
    "\x01\x01a",
    "\x04\x07\x04PING\0\x01",
    "\x04\x0a\x04PING\0\x0actx",
    "\x02\0\0\0\0\0\0\0\x05hello",
    "\x0bSocket-Type\0\0\0\x04PUSH",
    "\0\0\0\0",
    "\xff\xff\xff\xff",
    "\x08",
    "\x06",
  ],
};

/** Makes a decoder that tells `sink`. */
export type MakeDecoder = (sink: ZmtpSink) => Pick<ZmtpDecoder, "take" | "ready">;

/** The target of the decoder. */
export function zmtpTarget(
  make: MakeDecoder = (sink) => new ZmtpDecoder(sink, LIMITS),
): FuzzTarget {
  const decode = (pieces: readonly Uint8Array[]): readonly string[] => {
    const told: string[] = [];
    const decoder = make({
      greeted: () => told.push("greeted"),
      ready: () => told.push("ready"),
      ping: (context, ttlMs) => told.push(`ping ${textOf(context)} ${ttlMs}`),
      message: (frames) => told.push(`message ${frames.map(textOf).join("|")}`),
    });
    let held = new Uint8Array(0);
    const result = outcomeOf(() => {
      for (const piece of pieces) {
        const bytes = new Uint8Array(held.length + piece.length);
        bytes.set(held);
        bytes.set(piece, held.length);
        held = bytes.slice(decoder.take(bytes));
        // A buffer is filled again.
        bytes.fill(0x58);
        if (pieces.length > 1 && held.length > ZmtpDecoder.bufferBytes(LIMITS) + piece.length) {
          throw new RangeError("more is kept than one unit has");
        }
      }
    }, ZmtpError);
    told.push(result.ok ? `left ${held.length} ${decoder.ready}` : result.error.message);
    return told;
  };
  return parserTarget({
    name: "zmtp",
    about: "ZMTP greetings, commands and messages at every cut",
    corpus: CORPUS,
    check: (input, random) =>
      difference("cuts", decode(cut(input, random)), decode([input.slice()])),
  });
}

/** A peer that sends `pieces`, takes what it is told, and leaves. */
class Peer implements ZmtpStream {
  readonly written: number[] = [];
  closed = 0;
  readonly #pieces: Uint8Array[];

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = [...pieces];
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return Promise.reject(new RangeError("a read into no room"));
    const next = this.#pieces.shift();
    if (next === undefined) return Promise.resolve(null);
    const count = Math.min(next.length, buffer.length);
    buffer.set(next.subarray(0, count));
    if (count < next.length) this.#pieces.unshift(next.subarray(count));
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    this.written.push(...bytes.subarray(0, 10));
    return Promise.resolve(Math.min(bytes.length, 10));
  }

  setKeepAlive(): void {}

  close(): void {
    this.closed++;
  }
}

/** The target of whole connections, with `serve` in place of the router's own. */
export function zmtpPeerTarget(serve: typeof serveConnection = serveConnection): FuzzTarget {
  const clock = systemClock();
  const run = async (pieces: readonly Uint8Array[]): Promise<string | readonly unknown[]> => {
    const peer = new Peer(pieces);
    const messages: string[] = [];
    const { ended } = serve(peer, {
      clock,
      limits: LIMITS,
      onReady: () => messages.push("ready"),
      onMessage: (frames) => messages.push(frames.map(textOf).join("|")),
      room: () => Promise.resolve(),
    });
    const end: ConnectionEnd = await ended;
    if (peer.closed !== 1) return `closed: ${peer.closed} times`;
    const hello = textOf(Uint8Array.from(peer.written.slice(0, GREETING.length)));
    return hello === textOf(GREETING) ? [end, messages] : "greeting: not sent first";
  };
  return parserTarget({
    name: "zmtp-peer",
    about: "connections of ZeroMQ peers from greeting to close, at every cut",
    corpus: CORPUS,
    async check(input, random) {
      const whole = await run(input.length === 0 ? [] : [input.slice()]);
      if (typeof whole === "string") return whole;
      return difference("cuts", await run(cut(input, random)), whole);
    },
  });
}
