/**
 * ZMTP 3.0 with the NULL mechanism over one TCP connection: greeting, READY, multi-part messages.
 *
 * ZeroMQ RFC 23. The engines' own sockets speak it directly: a request/reply socket must wake for
 * every reply, which the native addon's poller does not promise under Deno.
 * @module
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { isGone } from "./http_connection.ts";

/** Socket types that appear in a READY command. */
export type SocketType = "REQ" | "REP" | "DEALER" | "ROUTER" | "PUB";

/** The frames of one message. */
export type Message = readonly Uint8Array[];

/** A peer that speaks something else, or too much of it. */
export class ZmtpError extends Error {
  override readonly name = "ZmtpError";
}

const MORE = 1;
const LONG = 2;
const COMMAND = 4;
const MAX_FRAME = 64 * 1024 * 1024;
const READ_SIZE = 64 * 1024;

/** The 64 bytes both sides begin with: signature, version 3.0, mechanism NULL, not a server. */
function greeting(): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.set(encodeUtf8("NULL"), 12);
  return bytes;
}

function readyBody(type: SocketType): Uint8Array {
  const property = (name: string, value: string): Uint8Array => {
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, value.length);
    return concatBytes([
      new Uint8Array([name.length]),
      encodeUtf8(name),
      size,
      encodeUtf8(value),
    ]);
  };
  return concatBytes([
    new Uint8Array([5]),
    encodeUtf8("READY"),
    property("Socket-Type", type),
    ...(type === "REQ" || type === "DEALER" || type === "ROUTER" ? [property("Identity", "")] : []),
  ]);
}

function frame(flags: number, body: Uint8Array): Uint8Array {
  if (body.length < 256) return concatBytes([new Uint8Array([flags, body.length]), body]);
  const head = new Uint8Array(9);
  head[0] = flags | LONG;
  new DataView(head.buffer).setBigUint64(1, BigInt(body.length));
  return concatBytes([head, body]);
}

/** One message as bytes on the wire. */
export function encodeMessage(message: Message): Uint8Array {
  const last = message.length - 1;
  return concatBytes(message.map((part, index) => frame(index < last ? MORE : 0, part)));
}

/** One peer connection after its handshake. */
export class ZmtpConnection {
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array(READ_SIZE);
  #start = 0;
  #end = 0;
  #writes: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  /**
   * Exchange greetings and READY. Closes `conn` and throws ZmtpError when the peer speaks another
   * protocol or ends early.
   */
  static async handshake(conn: Deno.TcpConn, type: SocketType): Promise<ZmtpConnection> {
    const connection = new ZmtpConnection(conn);
    try {
      await connection.#write(greeting());
      const theirs = await connection.#take(64);
      if (theirs === undefined) throw new ZmtpError("Peer closed during the ZMTP greeting");
      if (theirs[0] !== 0xff || theirs[9] !== 0x7f || (theirs[10] ?? 0) < 3) {
        throw new ZmtpError("Peer does not speak ZMTP 3");
      }
      const mechanism = decodeUtf8(theirs.subarray(12, 32)).replaceAll("\0", "");
      if (mechanism !== "NULL") throw new ZmtpError(`Peer asks for mechanism ${mechanism}`);
      await connection.#write(frame(COMMAND, readyBody(type)));
      const ready = await connection.#nextFrame();
      if (ready === undefined || (ready.flags & COMMAND) === 0) {
        throw new ZmtpError("Peer sent no READY");
      }
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The next message, or undefined once the peer or this side has closed. */
  async receive(): Promise<Message | undefined> {
    const parts: Uint8Array[] = [];
    for (;;) {
      const next = await this.#nextFrame();
      if (next === undefined) return undefined;
      if ((next.flags & COMMAND) !== 0) continue;
      parts.push(next.body);
      if ((next.flags & MORE) === 0) return parts;
    }
  }

  /** Send a message; messages leave in the order of the calls. False when the peer is gone. */
  async send(message: Message): Promise<boolean> {
    const bytes = encodeMessage(message);
    const before = this.#writes;
    let sent = true;
    const task = (async (): Promise<void> => {
      await before;
      sent = await this.#write(bytes);
    })();
    this.#writes = task;
    await task;
    return sent;
  }

  /** Close at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    if (this.#closed) return false;
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  async #nextFrame(): Promise<{ readonly flags: number; readonly body: Uint8Array } | undefined> {
    const flags = (await this.#take(1))?.[0];
    if (flags === undefined) return undefined;
    const size = await this.#take((flags & LONG) === 0 ? 1 : 8);
    if (size === undefined) return undefined;
    const view = new DataView(size.buffer, size.byteOffset);
    const length = (flags & LONG) === 0 ? view.getUint8(0) : Number(view.getBigUint64(0));
    if (length > MAX_FRAME) throw new ZmtpError(`Frame of ${length} bytes is too large`);
    const body = await this.#take(length);
    return body === undefined ? undefined : { flags, body };
  }

  /** Exactly `count` bytes, copied; undefined at the end of the stream. */
  async #take(count: number): Promise<Uint8Array | undefined> {
    while (this.#end - this.#start < count) if (!await this.#fill(count)) return undefined;
    const taken = this.#buffer.slice(this.#start, this.#start + count);
    this.#start += count;
    return taken;
  }

  async #fill(wanted: number): Promise<boolean> {
    if (this.#closed) return false;
    const kept = this.#end - this.#start;
    if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#start = 0;
    this.#end = kept;
    if (wanted > this.#buffer.length) {
      const larger = new Uint8Array(wanted + READ_SIZE);
      larger.set(this.#buffer.subarray(0, kept));
      this.#buffer = larger;
    }
    try {
      const count = await this.#conn.read(this.#buffer.subarray(this.#end));
      if (count === null) return false;
      this.#end += count;
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }
}
