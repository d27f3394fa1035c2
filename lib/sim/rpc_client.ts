/** A request socket on ZMTP to one peer: pipelined, replies in order, every wait bounded. @module */
import type { Clock, Timer } from "../base/mod.ts";
import { type Message, type SocketType, ZmtpConnection, ZmtpError } from "./zmtp.ts";

/** Whom to ask and how long to wait. */
export interface RpcClientOptions {
  readonly host: string;
  readonly port: number;
  readonly type: Extract<SocketType, "REQ" | "DEALER">;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

interface Waiter {
  readonly resolve: (reply: Message) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

const DELIMITER = new Uint8Array(0);

/** Connects at the first request; a failure of the connection fails all that waits on it. */
export class RpcClient {
  readonly #options: RpcClientOptions;
  #connecting: Promise<ZmtpConnection> | undefined;
  #waiters: Waiter[] = [];
  #failed = false;
  #closed = false;
  #reading: Promise<void> = Promise.resolve();
  #raw: Deno.TcpConn | undefined;

  readonly #onFailed: () => void;

  /** @param onFailed Called once when the client becomes unusable. */
  constructor(options: RpcClientOptions, onFailed: () => void = () => undefined) {
    this.#options = options;
    this.#onFailed = onFailed;
  }

  /** True once unusable; a new client is needed. */
  get failed(): boolean {
    return this.#failed || this.#closed;
  }

  /** Send one message, get its reply. Rejects when the peer is gone or late. */
  async request(body: Message): Promise<Message> {
    const { host, port, clock, timeoutMs } = this.#options;
    if (this.failed) throw new ZmtpError(`Connection to ${host}:${port} has failed`);
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const timer = clock.after(timeoutMs, () => {
      this.#fail(new ZmtpError(`No reply from ${host}:${port} within ${timeoutMs} ms`));
    });
    this.#waiters.push({ resolve, reject, timer });
    const connection = this.#connecting ??= this.#connect();
    connection.then((peer) => peer.send([DELIMITER, ...body])).then((sent) => {
      if (!sent) this.#fail(new ZmtpError(`Connection to ${host}:${port} was closed`));
    }, (error: unknown) => this.#fail(error));
    return await promise;
  }

  /** Close at once; what waits is rejected. Resolves when nothing is left running. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#fail(new ZmtpError("Closed"));
    await this.#connecting?.catch(() => undefined);
    await this.#reading;
  }

  async #connect(): Promise<ZmtpConnection> {
    const { host, port, type } = this.#options;
    const conn = await Deno.connect({ hostname: host, port });
    if (this.failed) {
      conn.close();
      throw new ZmtpError("Closed");
    }
    this.#raw = conn;
    let peer: ZmtpConnection;
    try {
      peer = await ZmtpConnection.handshake(conn, type);
    } finally {
      // It is the peer's from here on; a handshake that fails has closed it.
      this.#raw = undefined;
    }
    if (this.failed) peer.close();
    this.#reading = this.#read(peer).catch((error: unknown) => this.#fail(error));
    this.#close = (): void => peer.close();
    return peer;
  }

  #close: () => void = () => undefined;

  async #read(peer: ZmtpConnection): Promise<void> {
    for (;;) {
      const message = await peer.receive();
      if (message === undefined) break;
      const waiter = this.#waiters.shift();
      waiter?.timer.cancel();
      waiter?.resolve(message.slice(1));
    }
    const { host, port } = this.#options;
    this.#fail(new ZmtpError(`Connection to ${host}:${port} was closed`));
  }

  #fail(cause: unknown): void {
    if (!this.#failed) {
      this.#failed = true;
      this.#onFailed();
    }
    const error = cause instanceof Error ? cause : new ZmtpError(String(cause));
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      waiter.timer.cancel();
      waiter.reject(error);
    }
    this.#close();
    this.#raw?.close();
    this.#raw = undefined;
  }
}
