/**
 * ZMTP 3.0 with the NULL mechanism: bytes to messages (RFC 23 and 37). No I/O.
 * @module
 */
import { concatBytes, decodeUtf8, encodeUtf8, shortCopy } from "../base/mod.ts";

const GREETING_BYTES = 64;
const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;
const RESERVED = 0xf8;

/**
 * Sent first: version 3.0, mechanism NULL, not a server. Minor version 0 keeps peers from commands
 * of ZMTP 3.1 that this side does not know. Its heartbeats come all the same: libzmq sends PING
 * whenever its socket is told to (`ZMQ_HEARTBEAT_IVL`), whatever version its peer has announced.
 */
export const GREETING: Uint8Array = greeting();

/** Sockets of our own. */
export type SocketType = "PULL" | "SUB" | "DEALER";

/** Sent after the peer's greeting: the READY command of a socket of `type`. */
export function readyOf(type: SocketType): Uint8Array {
  return command("READY", property("Socket-Type", encodeUtf8(type)));
}

/** The READY command of a PULL socket. */
export const READY: Uint8Array = readyOf("PULL");

/** The peers that each of them has (RFC 23). */
const PEERS: Readonly<Record<SocketType, readonly string[]>> = {
  PULL: ["PUSH"],
  SUB: ["PUB", "XPUB"],
  DEALER: ["ROUTER", "DEALER", "REP"],
};

/** A PING that asks for an answer; the peer may be silent for as long as it likes. */
export const PING: Uint8Array = command("PING", [0, 0]);

/** One message as it is sent: `frames`, each as long as it likes. */
export function encodeFrames(frames: readonly Uint8Array[]): Uint8Array {
  return concatBytes(frames.flatMap((frame, at) => {
    const more = at + 1 < frames.length ? MORE : 0;
    if (frame.length < 256) return [Uint8Array.of(more, frame.length), frame];
    const head = new Uint8Array(9);
    head[0] = more | LONG;
    new DataView(head.buffer).setBigUint64(1, BigInt(frame.length));
    return [head, frame];
  }));
}

/** The answer to a PING with `context`; peers configured with heartbeats send them. */
export function pong(context: Uint8Array): Uint8Array {
  return command("PONG", context);
}

/** What a decoder tells its connection. */
export interface ZmtpSink {
  /** The peer speaks ZMTP 3: send `READY`. */
  greeted(): void;
  /** The handshake is complete: the peer is of a type that we talk to. */
  ready(): void;
  /** Send `pong(context)`. A silence of `ttlMs` from here on means that the peer is gone; 0: none. */
  ping(context: Uint8Array, ttlMs: number): void;
  /** One whole message; the frames are copies. */
  message(frames: readonly Uint8Array[]): void;
}

/** Bounds on what a peer may send. */
export interface ZmtpLimits {
  /** Largest frame, and largest message over all its frames, in bytes. */
  readonly maxMessageBytes: number;
  /** Most frames of one message. */
  readonly maxFrames: number;
}

/** The peer broke the protocol or a limit; the message is the reason. */
export class ZmtpError extends Error {
  override readonly name = "ZmtpError";
}

/** Decodes one connection's bytes. Holds no partial data: the caller keeps what was not consumed. */
export class ZmtpDecoder {
  readonly #sink: ZmtpSink;
  readonly #limits: ZmtpLimits;
  #phase: "greeting" | "handshake" | "traffic" = "greeting";
  #frames: Uint8Array[] = [];
  #messageBytes = 0;
  readonly #peers: readonly string[];

  /** `type` is what this side is: it says which peers it takes. */
  constructor(sink: ZmtpSink, limits: ZmtpLimits, type: SocketType = "PULL") {
    this.#sink = sink;
    this.#limits = limits;
    this.#peers = PEERS[type];
  }

  /** Bytes that always hold at least one whole unit of a lawful peer. */
  static bufferBytes(limits: ZmtpLimits): number {
    return Math.max(GREETING_BYTES, limits.maxMessageBytes + 9);
  }

  /** Whether the handshake is complete. */
  get ready(): boolean {
    return this.#phase === "traffic";
  }

  /**
   * Decode as many whole units as `bytes` holds; returns how many bytes they took. Call again with
   * the rest and more behind it. Throws `ZmtpError`, after which the connection is lost.
   */
  take(bytes: Uint8Array): number {
    let offset = 0;
    for (;;) {
      const rest = offset === 0 ? bytes : bytes.subarray(offset);
      const used = this.#phase === "greeting" ? this.#greeting(rest) : this.#frame(rest);
      if (used === 0) return offset;
      offset += used;
    }
  }

  #greeting(bytes: Uint8Array): number {
    // Strangers are told by their first bytes: they may never send 64.
    const [first] = bytes;
    if (first !== undefined && first !== 0xff) throw new ZmtpError("not a ZeroMQ peer");
    const major = bytes[10];
    if (major !== undefined && major < 3) {
      throw new ZmtpError(`ZMTP revision ${major} is too old, 3 is needed`);
    }
    if (bytes.length < GREETING_BYTES) return 0;
    const mechanism = decodeUtf8(bytes.subarray(12, 32)).replace(/\0+$/, "");
    if (mechanism !== "NULL") {
      throw new ZmtpError(`security mechanism ${JSON.stringify(mechanism)}, only NULL is spoken`);
    }
    this.#phase = "handshake";
    this.#sink.greeted();
    return GREETING_BYTES;
  }

  #frame(bytes: Uint8Array): number {
    const [flags] = bytes;
    if (flags === undefined) return 0;
    if ((flags & RESERVED) !== 0) throw new ZmtpError(`frame with reserved flags ${flags}`);
    const headerBytes = (flags & LONG) === 0 ? 2 : 9;
    if (bytes.length < headerBytes) return 0;
    const size = frameSize(bytes, headerBytes);
    const limit = this.#limits.maxMessageBytes;
    if (size > limit) throw new ZmtpError(`frame of ${size} bytes, the limit is ${limit}`);
    const total = headerBytes + size;
    if (bytes.length < total) return 0;
    const body = bytes.subarray(headerBytes, total);
    // A copy: the platform decodes no text out of memory that may be resized.
    if ((flags & COMMAND) !== 0) this.#command(body.slice());
    else this.#part(body, (flags & MORE) !== 0);
    return total;
  }

  #part(body: Uint8Array, more: boolean): void {
    if (this.#phase !== "traffic") throw new ZmtpError("message before the handshake");
    const { maxMessageBytes, maxFrames } = this.#limits;
    this.#messageBytes += body.length;
    if (this.#frames.length >= maxFrames) throw new ZmtpError(`over ${maxFrames} frames`);
    if (this.#messageBytes > maxMessageBytes) {
      throw new ZmtpError(`message of over ${maxMessageBytes} bytes`);
    }
    this.#frames.push(shortCopy(body));
    if (more) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#messageBytes = 0;
    this.#sink.message(frames);
  }

  #command(body: Uint8Array): void {
    const nameBytes = body[0] ?? 0;
    if (body.length < 1 + nameBytes) throw new ZmtpError("command cut short");
    const name = decodeUtf8(body.subarray(1, 1 + nameBytes));
    const data = body.subarray(1 + nameBytes);
    if (name === "ERROR") throw new ZmtpError(`peer error ${JSON.stringify(errorReason(data))}`);
    if (this.#phase === "handshake") {
      if (name !== "READY") throw new ZmtpError(`command ${JSON.stringify(name)}, not READY`);
      const type = socketType(data);
      if (!this.#peers.includes(type)) {
        throw new ZmtpError(
          `socket type ${JSON.stringify(type)}, not ${this.#peers.join(" or ")}`,
        );
      }
      this.#phase = "traffic";
      this.#sink.ready();
    } else if (name === "PING") {
      const [high, low] = data;
      if (high === undefined || low === undefined) throw new ZmtpError("PING cut short");
      // The time-to-live in tenths of a second, then at most 16 bytes of context.
      this.#sink.ping(data.slice(2, 18), (high * 256 + low) * 100);
    }
  }
}

/** The size field: one byte, or eight in network order. */
function frameSize(bytes: Uint8Array, headerBytes: number): number {
  let size = 0;
  for (let index = 1; index < headerBytes; index++) size = size * 256 + (bytes[index] ?? 0);
  return size;
}

/** `Socket-Type` of a READY command's properties: name length (1), name, length (4), value. */
function socketType(properties: Uint8Array): string {
  let offset = 0;
  while (offset < properties.length) {
    const nameEnd = offset + 1 + (properties[offset] ?? 0);
    const name = decodeUtf8(properties.subarray(offset + 1, nameEnd));
    let valueBytes = 0;
    for (let index = 0; index < 4; index++) {
      valueBytes = valueBytes * 256 + (properties[nameEnd + index] ?? 0);
    }
    offset = nameEnd + 4 + valueBytes;
    if (offset > properties.length) throw new ZmtpError("READY cut short");
    if (name.toLowerCase() === "socket-type") {
      return decodeUtf8(properties.subarray(nameEnd + 4, offset));
    }
  }
  throw new ZmtpError("READY without Socket-Type");
}

function errorReason(data: Uint8Array): string {
  return decodeUtf8(data.subarray(1, 1 + (data[0] ?? 0)));
}

function greeting(): Uint8Array {
  const bytes = new Uint8Array(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.set(encodeUtf8("NULL"), 12);
  return bytes;
}

function property(name: string, value: Uint8Array): Uint8Array {
  return Uint8Array.of(name.length, ...encodeUtf8(name), 0, 0, 0, value.length, ...value);
}

/** A short command frame; name and data stay below 255 bytes. */
function command(name: string, data: Iterable<number>): Uint8Array {
  const body = [name.length, ...encodeUtf8(name), ...data];
  return Uint8Array.of(COMMAND, body.length, ...body);
}
