/** A client of a router's admin API. @module */
import {
  type Clock,
  describeError,
  encodeUtf8,
  errorCodeOf,
  jsonOf,
  recordOf,
  RouterError,
} from "../base/mod.ts";
import { isEventStream } from "../request/mod.ts";
import { SseDecoder } from "../sse/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "../upstream/mod.ts";

/** What the API is asked with. */
export interface AdminClientOptions {
  readonly clock: Clock;
  /** Without a path. */
  readonly url: string;
  readonly key: string | undefined;
  readonly caCerts: readonly string[];
}

/** Longest wait for a connection, and for an answer that is not asked to wait, in milliseconds. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;

/** Largest answer, in bytes: thousands of engines. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** Asks one router. */
export class AdminClient implements Disposable {
  readonly #options: AdminClientOptions;
  readonly #client: PooledUpstreamClient;

  constructor(options: AdminClientOptions) {
    const { clock, caCerts } = options;
    this.#options = options;
    this.#client = createUpstreamClient({ clock, caCerts });
  }

  /**
   * What the API answers to `method` on `path`, which may take `waitMs` longer than others. Throws
   * `RouterError`: what the API says where it refuses, or why there is no answer.
   */
  async ask(
    method: "GET" | "POST" | "DELETE",
    path: string,
    { body, waitMs = 0 }: { readonly body?: unknown; readonly waitMs?: number } = {},
  ): Promise<unknown> {
    const { url, key } = this.#options;
    try {
      using response = await this.#client.send({
        method,
        url,
        path,
        headers: [
          ["accept", "application/json"],
          ...(method === "POST" ? [["content-type", "application/json"] as const] : []),
          ...(key === undefined ? [] : [["authorization", `Bearer ${key}`] as const]),
        ],
        ...(body === undefined ? {} : { body: [encodeUtf8(JSON.stringify(body))] }),
        replayable: false,
        connectTimeoutMs: CONNECT_MS,
        headTimeoutMs: ANSWER_MS + waitMs,
        idleTimeoutMs: ANSWER_MS,
      });
      const value = jsonOf(await response.readAll(MAX_ANSWER));
      if (response.status < 300 && value !== undefined) return value;
      throw refusal(response.status, value, url);
    } catch (error) {
      throw this.#told(error);
    }
  }

  /**
   * What the API tells on `path`, a stream, event by event, until it ends or `signal` aborts. Throws as
   * `ask`, and where nothing comes for `idleMs`.
   */
  async *events(
    path: string,
    { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
  ): AsyncGenerator<unknown, void, void> {
    const { url, key } = this.#options;
    try {
      using response = await this.#client.send({
        method: "GET",
        url,
        path,
        headers: [
          ["accept", "text/event-stream"],
          ...(key === undefined ? [] : [["authorization", `Bearer ${key}`] as const]),
        ],
        replayable: false,
        connectTimeoutMs: CONNECT_MS,
        headTimeoutMs: ANSWER_MS,
        idleTimeoutMs: idleMs,
        signal,
      });
      if (response.status !== 200 || !isEventStream(response)) {
        throw refusal(response.status, jsonOf(await response.readAll(MAX_ANSWER)), url);
      }
      const decoder = new SseDecoder();
      for (let bytes = await response.read(); bytes !== undefined; bytes = await response.read()) {
        decoder.push(bytes);
        for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
          yield jsonOf(data);
        }
      }
    } catch (error) {
      throw this.#told(error);
    }
  }

  /** `error` with what to do about it, where nobody is reached. */
  #told(error: unknown): unknown {
    if (errorCodeOf(error) !== "upstream-unreachable") return error;
    const { url } = this.#options;
    const message = `Cannot reach the admin API at ${url}: a router serves it where it was ` +
      "started with --admin-listen, and --admin says where that is";
    const why = describeError(error).replace(/^Cannot reach engine \S+: /, "");
    return new RouterError("upstream-unreachable", `${message} (${why})`);
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

function refusal(status: number, value: unknown, url: string): RouterError {
  const message = recordOf(recordOf(value)?.["error"])?.["message"];
  return new RouterError(
    "bad-request",
    typeof message === "string"
      ? message
      : `What answers at ${url} (status ${status}) is no admin API of a router`,
  );
}
