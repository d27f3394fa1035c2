/**
 * A small HTTP/1.1 server on plain TCP, so that connections can be cut, hung and split for real.
 *
 * Knows nothing of what it serves.
 * @module
 */
import {
  type Clock,
  describeError,
  encodeUtf8,
  type Logger,
  type Random,
  sleep,
} from "../base/mod.ts";
import { HttpConnection, isGone } from "./http_connection.ts";
import { HttpSyntaxError, readBody, readHead, type RequestHead } from "./http_message.ts";
import { HttpReply } from "./http_reply.ts";

/** One complete request. */
export interface HttpRequest extends Omit<RequestHead, "body"> {
  readonly body: Uint8Array;
  /** Aborts when the client goes away, the server stops, or what runs is aborted. */
  readonly signal: AbortSignal;
}

/** Answers one request. What it throws becomes a 500, or a cut if the answer had begun. */
export type HttpHandler = (request: HttpRequest, reply: HttpReply) => Promise<void>;

/** What the server takes from outside. */
export interface HttpPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Pause after a failed accept (e.g. too many open files), in milliseconds. */
const ACCEPT_RETRY_MS = 50;

const CONTINUE = encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");

/** Accepts connections on one listener until stopped. */
export class HttpServer {
  readonly #listener: Deno.TcpListener;
  readonly #handler: HttpHandler;
  readonly #ports: HttpPorts;
  readonly #open = new Map<HttpConnection, Set<AbortController>>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  #stopped = false;

  constructor(listener: Deno.TcpListener, ports: HttpPorts, handler: HttpHandler) {
    this.#listener = listener;
    this.#ports = ports;
    this.#handler = handler;
    this.#accepting = this.#accept();
  }

  /** Close the listener and every connection, abort what runs, and wait for its end. */
  async stop(): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = true;
      this.#listener.close();
      for (const [connection, running] of this.#open) {
        for (const controller of running) controller.abort();
        connection.close();
      }
    }
    await this.#accepting;
    await Promise.all(this.#tasks);
  }

  /** Abort what runs, and go on. */
  abortRunning(): void {
    for (const running of this.#open.values()) {
      for (const controller of running) controller.abort();
    }
  }

  async #accept(): Promise<void> {
    while (!this.#stopped) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (this.#stopped) return;
        // A connection reset before it was accepted is the client's loss alone.
        if (!(error instanceof Deno.errors.BadResource) && isGone(error)) continue;
        this.#ports.log.error(`Cannot accept a connection: ${describeError(error)}`);
        await sleep(this.#ports.clock, ACCEPT_RETRY_MS);
        continue;
      }
      const task = this.#serve(conn).catch((error: unknown) => {
        this.#ports.log.error(`Connection failed: ${describeError(error)}`);
      }).finally(() => this.#tasks.delete(task));
      this.#tasks.add(task);
    }
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    const connection = new HttpConnection(conn);
    const running = new Set<AbortController>();
    this.#open.set(connection, running);
    try {
      while (!this.#stopped && await this.#serveOne(connection, running));
    } finally {
      this.#open.delete(connection);
      connection.close();
    }
  }

  /** Serve the next request; false when the connection is to be closed. */
  async #serveOne(
    connection: HttpConnection,
    running: Set<AbortController>,
  ): Promise<boolean> {
    let head: RequestHead | undefined;
    let body: Uint8Array;
    try {
      head = await readHead(connection);
      if (head === undefined) return false;
      if (head.headers.get("expect")?.toLowerCase() === "100-continue") {
        await connection.write(CONTINUE);
      }
      body = await readBody(connection, head.body);
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      const reply = this.#reply(connection, { isHead: false, minorVersion: 1, keepAlive: false });
      await reply.send(error.status, "text/plain; charset=utf-8", error.message);
      return false;
    }
    // Stopped meanwhile, nobody would abort what begins here.
    if (this.#stopped) return false;
    const controller = new AbortController();
    running.add(controller);
    const { minorVersion, keepAlive } = head;
    const isHead = head.method === "HEAD";
    const reply = this.#reply(connection, { isHead, minorVersion, keepAlive });
    connection.watch(() => controller.abort());
    try {
      await this.#handler({ ...head, body, signal: controller.signal }, reply);
    } catch (error) {
      this.#ports.log.error(`${head.method} ${head.path} failed: ${describeError(error)}`);
      if (reply.started) reply.cut();
      else await reply.send(500, "text/plain; charset=utf-8", "Internal Server Error");
    } finally {
      running.delete(controller);
    }
    return reply.reusable;
  }

  #reply(
    connection: HttpConnection,
    shape: { readonly isHead: boolean; readonly minorVersion: number; readonly keepAlive: boolean },
  ): HttpReply {
    const { clock, random } = this.#ports;
    return new HttpReply({ connection, clock, random, ...shape });
  }
}
