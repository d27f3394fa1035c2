/**
 * What the router asks of an engine connection: one request, a response head, bytes in chunks.
 *
 * Knows nothing of OpenAI, SSE or which engine is the right one.
 * @module
 */
import type { AbortWatch, ByteParts } from "../base/mod.ts";

/** One header field: name as written, value without surrounding white space. */
export type HeaderField = readonly [name: string, value: string];

/** One HTTP/1.1 request to one engine. */
export interface UpstreamRequest {
  readonly method: string;
  /** Scheme and authority, e.g. `http://10.0.0.1:8000`; a base path is kept in front of `path`. */
  readonly url: string;
  /** Path and query, e.g. `/v1/completions`. */
  readonly path: string;
  /** End-to-end fields; `Host`, `Content-Length` and framing are the client's own. */
  readonly headers: readonly HeaderField[];
  /** Absent for no body. The parts must not change until the response head has arrived. */
  readonly body?: ByteParts;
  /**
   * False for a request that must not reach an engine twice: if a kept connection is lost before
   * any byte of a response, it is not sent again on a fresh one.
   * @default {true}
   */
  readonly replayable?: boolean;
  /** Longest wait for the TCP (and TLS) connection, in milliseconds. */
  readonly connectTimeoutMs: number;
  /**
   * Longest wait from the request's last byte to the complete response head, in milliseconds. An
   * engine that stops reading the request is given as long, from the last byte it took.
   */
  readonly headTimeoutMs: number;
  /** Longest wait of one `read` for body bytes, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Ends the exchange at any point, its connection with it. */
  readonly signal?: AbortWatch;
}

/**
 * A response whose head has arrived. Dispose it on every path: after the body's end its connection
 * has gone back to the pool already and nothing happens; before, the connection is closed, unless
 * all that is missing has arrived already. The end is reached when `read` has said so, which for a
 * chunked body is after its last bytes.
 */
export interface UpstreamResponse extends Disposable {
  readonly status: number;
  /** All fields in order, as received; framing fields included. */
  readonly headers: readonly HeaderField[];
  /** First value of a field by lower-case name. */
  header(name: string): string | undefined;
  /**
   * The next body bytes, never empty; undefined at the end. The view is valid until the next call
   * of `read` or `dispose`: copy what must live longer.
   * Rejects with `RouterError` `upstream-protocol` on a cut or malformed body, `upstream-timeout`
   * after `idleTimeoutMs`, `client-gone` on abort and on disposal, `shutting-down` when the client
   * was disposed; once it has rejected, it rejects with the same error again.
   */
  read(): Promise<Uint8Array | undefined>;
  /** The whole (rest of the) body; `upstream-protocol` above `limitBytes`. */
  readAll(limitBytes: number): Promise<Uint8Array>;
}

/** Sends requests to engines over pooled connections. */
export interface UpstreamClient extends Disposable {
  /**
   * Resolves when the final response head has arrived, whatever its status. Rejects with
   * `RouterError`: `upstream-unreachable` (refused, unresolvable, connect time-out),
   * `overloaded` (no descriptor for a connection),
   * `upstream-protocol` (wrong framing or a connection lost before the head), `upstream-timeout`
   * (no head in time), `upstream-lost` (a kept connection lost under a request that is not
   * `replayable`), `client-gone` (aborted), `shutting-down` (the client is disposed),
   * `bad-request` (method, path or a field that HTTP/1.1 cannot carry), `internal` (a field that is
   * the client's own).
   */
  send(request: UpstreamRequest): Promise<UpstreamResponse>;
}
