/** A connection of ours to a ZeroMQ peer that listens: opened, then read message by message. @module */
import { type Clock, concatBytes, describeError, GrowingBytes, Lease } from "../base/mod.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./pull_limits.ts";
import type { ZmtpStream } from "./zmtp_connection.ts";
import {
  encodeFrames,
  GREETING,
  PING,
  pong,
  readyOf,
  type SocketType,
  ZmtpDecoder,
  type ZmtpLimits,
} from "./zmtp_decoder.ts";

/** Where a peer listens. */
export interface ZmtpAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The part of a connection used here. */
export type ClientStream = Pick<ZmtpStream, "read" | "write" | "close">;

/** Connects; gives up when `signal` aborts. */
export type DialZmtp = (address: ZmtpAddress, signal: AbortSignal) => Promise<ClientStream>;

/** How a connection is opened. */
export interface ClientOptions {
  readonly clock: Clock;
  readonly dial: DialZmtp;
  readonly limits: ZmtpLimits;
  /** What this side is. */
  readonly type: Exclude<SocketType, "PULL">;
  /** Ends the connection. */
  readonly signal: AbortSignal;
}

/** Silence after which the peer is asked for a sign of life, and how long that may take, in milliseconds. */
export const CLIENT_SILENCE_MS = 30_000;
export const CLIENT_GRACE_MS = 15_000;

const READ_BYTES = 64 * 1024;

/** The connection is lost, or was never there; the message says why. */
export class ZmtpLost extends Error {
  override readonly name = "ZmtpLost";
}

/**
 * One connection. Nothing is read but while `next` waits, so that a peer whose messages nobody takes
 * is held back by TCP, and what is held here is one message and one read at most.
 */
export class ZmtpPeer implements Disposable {
  readonly #stream: ClientStream;
  readonly #clock: Clock;
  readonly #lease: Lease;
  readonly #decoder: ZmtpDecoder;
  readonly #held: GrowingBytes;
  readonly #chunk = new Uint8Array(READ_BYTES);
  readonly #outbox: Uint8Array[] = [GREETING];
  #messages: (readonly Uint8Array[])[] = [];
  #taken = 0;

  private constructor(stream: ClientStream, { clock, limits, type, signal }: ClientOptions) {
    this.#stream = stream;
    this.#clock = clock;
    const close = (): void => this.#lease.release();
    this.#lease = new Lease(() => {
      signal.removeEventListener("abort", close);
      stream.close();
    });
    signal.addEventListener("abort", close);
    this.#held = new GrowingBytes(ZmtpDecoder.bufferBytes(limits) + READ_BYTES);
    this.#decoder = new ZmtpDecoder(
      {
        greeted: () => this.#outbox.push(readyOf(type)),
        ready: () => {},
        ping: (context) => this.#outbox.push(pong(context)),
        message: (frames) => this.#messages.push(frames),
      },
      limits,
      type,
    );
  }

  /** Connect and shake hands. Rejects with `ZmtpLost`; nothing is left open then. */
  static async open(address: ZmtpAddress, options: ClientOptions): Promise<ZmtpPeer> {
    const { clock, dial, signal } = options;
    const late = new AbortController();
    using _patience = clock.after(HANDSHAKE_TIMEOUT_MS, () => late.abort());
    const ending = AbortSignal.any([signal, late.signal]);
    let peer: ZmtpPeer | undefined;
    try {
      ending.throwIfAborted();
      peer = new ZmtpPeer(await dial(address, ending), options);
      const close = (): void => peer?.[Symbol.dispose]();
      if (ending.aborted) close();
      ending.addEventListener("abort", close);
      while (!peer.#decoder.ready) {
        if (!await peer.#fill()) throw new ZmtpLost("closed within the handshake");
      }
      await peer.#flush();
      ending.removeEventListener("abort", close);
      return peer;
    } catch (error) {
      peer?.[Symbol.dispose]();
      const reason = late.signal.aborted
        ? `no handshake within ${HANDSHAKE_TIMEOUT_MS} ms`
        : describeError(error);
      throw new ZmtpLost(reason, { cause: error });
    }
  }

  /** Send one message. Rejects with `ZmtpLost`. */
  async send(frames: readonly Uint8Array[]): Promise<void> {
    this.#outbox.push(encodeFrames(frames));
    try {
      await this.#flush();
    } catch (error) {
      throw this.#lost(error);
    }
  }

  /** The next message; undefined when the peer has closed. Rejects with `ZmtpLost`. */
  async next(): Promise<readonly Uint8Array[] | undefined> {
    while (this.#taken >= this.#messages.length) {
      this.#messages = [];
      this.#taken = 0;
      try {
        if (!await this.#fill()) return undefined;
      } catch (error) {
        throw this.#lost(error);
      }
    }
    return this.#messages[this.#taken++];
  }

  /** Close it; `next` ends. */
  [Symbol.dispose](): void {
    this.#lease.release();
  }

  #lost(error: unknown): ZmtpLost {
    this.#lease.release();
    return error instanceof ZmtpLost ? error : new ZmtpLost(describeError(error), { cause: error });
  }

  async #flush(): Promise<void> {
    if (this.#outbox.length === 0) return;
    const bytes = concatBytes(this.#outbox.splice(0));
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#stream.write(bytes.subarray(sent));
    }
  }

  /** Write what waits, read once and decode; false at the end. */
  async #fill(): Promise<boolean> {
    await this.#flush();
    const count = await this.#read();
    if (count === null) return false;
    this.#held.append(this.#chunk.subarray(0, count));
    const used = this.#decoder.take(this.#held.view());
    if (used > 0) this.#held.drop(used);
    return true;
  }

  /** One read. A peer that is silent is asked whether it is there, and given up when it is not. */
  async #read(): Promise<number | null> {
    if (!this.#decoder.ready) return await this.#stream.read(this.#chunk);
    let silent = false;
    let timer = this.#clock.after(CLIENT_SILENCE_MS, () => {
      // What keeps it from being written keeps the read from ending, too: the timer behind ends both.
      this.#stream.write(PING).catch(() => this.#lease.release());
      timer = this.#clock.after(CLIENT_GRACE_MS, () => {
        silent = true;
        this.#lease.release();
      });
    });
    try {
      return await this.#stream.read(this.#chunk);
    } catch (error) {
      if (!silent) throw error;
      throw new ZmtpLost(`silent for ${CLIENT_SILENCE_MS + CLIENT_GRACE_MS} ms`, { cause: error });
    } finally {
      timer.cancel();
    }
  }
}
