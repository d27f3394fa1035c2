/**
 * The HTTP/1.1 client to the engines: keep-alive connections on the platform's sockets.
 * @module
 */
import { type Clock, type DescriptorSource, TurnMeter } from "../base/mod.ts";
import type { TlsPair } from "../tls/mod.ts";
import type { UpstreamClient, UpstreamRequest, UpstreamResponse } from "./client.ts";
import { Connection } from "./connection.ts";
import { connect, type Dial, platformDial } from "./dial.ts";
import { exchange } from "./exchange.ts";
import { type Origin, parseOrigin } from "./origin.ts";
import { Pool, type PoolStats } from "./pool.ts";
import { aborted, badResponse, lost, LostConnection, shuttingDown, silent } from "./problems.ts";
import { encodeRequest } from "./request_head.ts";
import { connectWithRoom } from "./room.ts";

/** What an upstream client is made from. */
export interface UpstreamClientOptions {
  readonly clock: Clock;
  /** Certificates in PEM form to be trusted beside the usual ones, for `https` engines. */
  readonly caCerts?: readonly string[];
  /** The certificate that is shown to `https` engines, as it is at the moment. */
  readonly clientPair?: () => TlsPair;
  /** What `https` engines must prove to be, in place of their URL's host. */
  readonly serverName?: string;
  /**
   * Refuse connections that have led to a link-local address or a metadata service.
   * @default {false}
   */
  readonly refuseLinkLocal?: boolean;
  /**
   * Most idle connections kept per engine.
   * @default {256}
   */
  readonly maxIdlePerOrigin?: number;
  /**
   * Longest time a connection is kept idle, in milliseconds. Shorter than the 5 s after which vLLM
   * closes it (`VLLM_HTTP_TIMEOUT_KEEP_ALIVE`, `vllm/envs.py`), so that requests do not meet it.
   * @default {4000}
   */
  readonly maxIdleMs?: number;
  /** Opens connections, in place of the platform's sockets. */
  readonly dial?: Dial;
  /** Asked for room where a connection finds no descriptor, and none is idle. */
  readonly descriptors?: DescriptorSource;
}

/** The client, and what it holds. */
export interface PooledUpstreamClient extends UpstreamClient {
  stats(): PoolStats;
  /** Nothing more will be sent to `url`: keep no connection to it, and nothing else of it. */
  forget(url: string): void;
  /**
   * The engine at `url` shows no sign of life: what waits for the head of an answer of its rejects with
   * `RouterError` `upstream-timeout`, and no idle connection to it is kept. Answers that have begun go on.
   */
  giveUp(url: string): void;
}

/**
 * A client that keeps connections open between requests.
 *
 * A request that meets a kept connection which the engine has closed is sent once more, on a fresh
 * connection, if no byte of a response had come; the engine's other idle connections are given up
 * with it. Disposing the client closes all connections:
 * pending requests and reads reject with `RouterError` `shutting-down`, later ones too.
 */
export function createUpstreamClient(options: UpstreamClientOptions): PooledUpstreamClient {
  return new HttpClient(options);
}

/** Head and small body go out in one write of at most this many bytes. */
const SCRATCH_BYTES = 16 * 1024;

/** How many bytes of all connections are read, and worked on, in a turn of the event loop. */
const TURN_BYTES = 128 * 1024;

/**
 * Small reads of bodies in a turn of the event loop. The platform lets 128 operations on sockets end in one, and
 * streams that bring more than the router can pass on would have all of them: each read finds the next
 * event there already. New clients are not accepted then, and connections to engines not found to be
 * open, for seconds.
 */
const TURN_READS = 8;

/** Scratch buffers kept for later requests. */
const MAX_SCRATCHES = 64;

/** Engine URLs remembered in parsed form: as many as a fleet has engines. */
const MAX_ORIGINS = 65_536;

class HttpClient implements PooledUpstreamClient {
  readonly #clock: Clock;
  readonly #turns: TurnMeter;
  readonly #reads: TurnMeter;
  readonly #dial: Dial;
  readonly #pool: Pool;
  readonly #descriptors: DescriptorSource | undefined;
  readonly #closing = new AbortController();
  readonly #origins = new Map<string, Origin>();
  readonly #scratches: Uint8Array<ArrayBuffer>[] = [];

  constructor(options: UpstreamClientOptions) {
    const { clock, caCerts = [], maxIdlePerOrigin = 256, maxIdleMs = 4000 } = options;
    const { clientPair, serverName, refuseLinkLocal } = options;
    this.#clock = clock;
    this.#turns = new TurnMeter(clock, TURN_BYTES);
    this.#reads = new TurnMeter(clock, TURN_READS);
    this.#dial = options.dial ??
      platformDial(caCerts, { clientPair, serverName, refuseLinkLocal });
    this.#pool = new Pool({ maxIdlePerOrigin, maxIdleMs });
    this.#descriptors = options.descriptors;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const origin = this.#origin(request.url);
    this.#check(origin, request);
    const scratch = this.#scratches.pop() ?? new Uint8Array(SCRATCH_BYTES);
    const encoded = encodeRequest(origin, request, scratch);
    const pooled = this.#pool.take(origin);
    if (pooled !== undefined) {
      const reply = await exchange(pooled, encoded, request, this.#release);
      if (!(reply instanceof LostConnection)) return this.#answered(reply, pooled, scratch);
      // An engine closes its kept connections together: what is sent next must not meet another.
      this.#pool.closeIdle(origin, new LostConnection("its like was found closed"));
      this.#check(origin, request);
      if (request.replayable === false) throw lost(origin, reply);
    }
    const fresh = await this.#connect(origin, request);
    const reply = await exchange(fresh, encoded, request, this.#release);
    if (reply instanceof LostConnection) throw badResponse(origin, reply.message, reply.cause);
    return this.#answered(reply, fresh, scratch);
  }

  stats(): PoolStats {
    return this.#pool.stats();
  }

  forget(url: string): void {
    const origin = this.#origins.get(url);
    this.#origins.delete(url);
    if (origin !== undefined) this.#pool.retire(origin);
  }

  giveUp(url: string): void {
    const origin = this.#origins.get(url);
    if (origin === undefined) return;
    this.#pool.closeIdle(origin, new LostConnection("its engine shows no sign of life"));
    this.#pool.closeWaiting(origin, silent(origin));
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#pool.closeAll(({ origin }) => shuttingDown(origin));
    this.#turns[Symbol.dispose]();
    this.#reads[Symbol.dispose]();
  }

  #check(origin: Origin, request: UpstreamRequest): void {
    if (this.#closing.signal.aborted) throw shuttingDown(origin);
    if (request.signal?.aborted) throw aborted(origin, request.signal.reason);
  }

  async #connect(origin: Origin, request: UpstreamRequest): Promise<Connection> {
    const limits = {
      clock: this.#clock,
      timeoutMs: request.connectTimeoutMs,
      signal: request.signal,
      closing: this.#closing.signal,
    };
    const socket = await connectWithRoom(() => connect(this.#dial, origin, limits), {
      clock: this.#clock,
      pool: this.#pool,
      descriptors: this.#descriptors,
      check: () => this.#check(origin, request),
    });
    const parts = { clock: this.#clock, turns: this.#turns, reads: this.#reads };
    const connection = new Connection(socket, origin, parts, this.#forget);
    this.#pool.add(connection);
    // Disposed since the socket was there: the exchange finds the connection closed.
    if (this.#closing.signal.aborted) connection.close(shuttingDown(origin));
    return connection;
  }

  /** The request needs its scratch buffer no more, unless its first write is still under way. */
  #answered(
    reply: UpstreamResponse,
    connection: Connection,
    scratch: Uint8Array<ArrayBuffer>,
  ): UpstreamResponse {
    if (!connection.writing && this.#scratches.length < MAX_SCRATCHES) {
      this.#scratches.push(scratch);
    }
    return reply;
  }

  readonly #forget = (connection: Connection): void => this.#pool.remove(connection);

  readonly #release = (connection: Connection, reusable: boolean): void => {
    if (connection.closed) return;
    const { start, end } = connection.window;
    // Bytes behind the response belong to no request: what follows them could not be trusted.
    if (reusable && start === end && !connection.writing) this.#pool.put(connection);
    else connection.close(new LostConnection("not kept"));
  };

  #origin(url: string): Origin {
    const known = this.#origins.get(url);
    if (known !== undefined) return known;
    const origin = parseOrigin(url);
    if (this.#origins.size === MAX_ORIGINS) this.#origins.clear();
    this.#origins.set(url, origin);
    return origin;
  }
}
