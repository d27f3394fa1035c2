/** A publisher of KV events, strict about what it is sent, on streams of the test's own. @module */
import { encode } from "@msgpack/msgpack";
import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";
import type { DialZmtp } from "../../lib/zmq/mod.ts";
import { encodeFrames, GREETING, readyOf } from "../../lib/zmq/zmtp_decoder.ts";
import { assertEquals, fail } from "../support/assert.ts";
import { FakeStream, PEER_GREETING } from "../zmq/fake_stream.ts";

export const EVENTS = { host: "10.0.0.9", port: 5557 };
export const REPLAY = { host: "10.0.0.9", port: 5558 };
const END = new Uint8Array(8).fill(0xff);

interface Batch {
  readonly seq: number;
  readonly payload: Uint8Array;
}

/** READY of a peer of `type`. */
function readyFrom(type: string): Uint8Array {
  const body = [5, ...encodeUtf8("READY"), 11, ...encodeUtf8("Socket-Type"), 0, 0, 0, type.length];
  body.push(...encodeUtf8(type));
  return Uint8Array.of(4, body.length, ...body);
}

/** One engine's publisher, which may be started anew and lose what it sends. */
export class FakePublisher {
  /** Batches kept for replays; the oldest go. */
  kept: Batch[] = [];
  /** How many are kept, and how many a replay has room for. */
  keeps = 1_000;
  room = Infinity;
  /** Whether messages reach subscribers; those that do not are lost. */
  loses = false;
  refusesReplays = false;
  /** Numbers that were asked for. */
  readonly asked: number[] = [];
  #next = 0;
  #life = 0;
  #subscriber: FakeStream | undefined;

  readonly dial: DialZmtp = ({ port }) => {
    if (port === EVENTS.port) return Promise.resolve(this.#subscribe());
    if (port === REPLAY.port && !this.refusesReplays) return Promise.resolve(this.#replay());
    return Promise.reject(new Error("connection refused"));
  };

  /** The number of the next batch. */
  get next(): number {
    return this.#next;
  }

  publish(...events: readonly unknown[]): void {
    const payload = encode([this.#life + this.#next / 1000, events, 0], { useBigInt64: true });
    this.publishRaw(payload);
  }

  publishRaw(payload: Uint8Array): void {
    const seq = this.#next++;
    this.kept.push({ seq, payload });
    this.kept = this.kept.slice(-this.keeps);
    if (!this.loses) {
      this.#subscriber?.deliver(encodeFrames([encodeUtf8("kv"), bigEndian(seq), payload]));
    }
  }

  /** The connection of the subscriber ends. */
  disconnect(): void {
    this.#subscriber?.deliver(null);
    this.#subscriber = undefined;
  }

  /** Another engine is in its place. */
  restart({ connected = false }: { readonly connected?: boolean } = {}): void {
    if (!connected) this.disconnect();
    this.kept = [];
    this.#next = 0;
    this.#life++;
  }

  #subscribe(): FakeStream {
    const stream = new FakeStream();
    stream.deliver(concatBytes([PEER_GREETING, readyFrom("PUB")]));
    this.#subscriber = stream;
    return stream;
  }

  #replay(): FakeStream {
    const stream = new ReplayStream((from) => {
      this.asked.push(from);
      const wanted = this.kept.filter(({ seq }) => seq >= from);
      const replies = wanted.map(({ seq, payload }) => [bigEndian(seq), payload] as const);
      const all = [...replies, [END, new Uint8Array(0)] as const];
      // A ROUTER drops what is too much for it, the end too.
      const sent = all.slice(0, this.room);
      for (const reply of sent) stream.deliver(encodeFrames([new Uint8Array(0), ...reply]));
      if (sent.length < all.length) stream.deliver(null);
    });
    stream.deliver(concatBytes([PEER_GREETING, readyFrom("ROUTER")]));
    return stream;
  }
}

/** Answers the one question that it is sent. */
class ReplayStream extends FakeStream {
  readonly #answer: (from: number) => void;

  constructor(answer: (from: number) => void) {
    super();
    this.#answer = answer;
  }

  override async write(bytes: Uint8Array): Promise<number> {
    const count = await super.write(bytes);
    const handshake = GREETING.length + readyOf("DEALER").length;
    const question = Uint8Array.from(this.written.slice(handshake));
    if (question.length > 0) {
      // An empty frame with more behind it, then eight bytes.
      assertEquals([...question.subarray(0, 4)], [1, 0, 0, 8]);
      if (question.length !== 12) fail(`${question.length} bytes`);
      this.#answer(Number(new DataView(question.buffer).getBigUint64(4)));
    }
    return count;
  }
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
