/** A reply socket (REP or ROUTER) on ZMTP: one handler, any number of peers. @module */
import { describeError, type Logger } from "../base/mod.ts";
import { isGone } from "./http_connection.ts";
import { type Message, type SocketType, ZmtpConnection } from "./zmtp.ts";

/** Answers one request with any number of messages, in order. What it throws closes the peer. */
export type RpcHandler = (request: Message) => Promise<readonly Message[]>;

/** Where to listen and as what. */
export interface RpcServerOptions {
  readonly host: string;
  readonly port: number;
  readonly type: Extract<SocketType, "REP" | "ROUTER">;
  readonly log: Logger;
}

/** Serves until stopped. */
export class RpcServer {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #options: RpcServerOptions;
  readonly #handler: RpcHandler;
  readonly #conns = new Set<Deno.TcpConn | ZmtpConnection>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #stopped = false;

  constructor(options: RpcServerOptions, handler: RpcHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#listener = Deno.listen({ hostname: options.host, port: options.port });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  /** Close all, wait for what runs. */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#listener.close();
      for (const conn of this.#conns) closeQuietly(conn);
    }
    await this.#accepting;
    await Promise.all(this.#tasks);
  }

  async #accept(): Promise<void> {
    while (!this.#stopped) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (this.#stopped) return;
        if (!(error instanceof Deno.errors.BadResource) && isGone(error)) continue;
        this.#options.log.error(`Cannot accept on port ${this.port}: ${describeError(error)}`);
        return;
      }
      const task = this.#serve(conn).catch((error: unknown) => {
        if (this.#stopped) return;
        this.#options.log.warning(`Peer of port ${this.port} failed: ${describeError(error)}`);
      }).finally(() => this.#tasks.delete(task));
      this.#tasks.add(task);
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    this.#conns.add(conn);
    let peer: ZmtpConnection;
    try {
      peer = await ZmtpConnection.handshake(conn, this.#options.type);
    } finally {
      this.#conns.delete(conn);
    }
    this.#conns.add(peer);
    try {
      if (this.#stopped) return;
      for (;;) {
        const message = await peer.receive();
        if (message === undefined) return;
        const delimiter = message.findIndex((part) => part.length === 0);
        const envelope = message.slice(0, delimiter + 1);
        const replies = await this.#handler(message.slice(delimiter + 1));
        for (const reply of replies) if (!await peer.send([...envelope, ...reply])) return;
      }
    } finally {
      this.#conns.delete(peer);
      peer.close();
    }
  }
}

function closeQuietly(conn: Deno.TcpConn | ZmtpConnection): void {
  try {
    conn.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
