/** The API server of tests, reached without sockets. @module */
import { RouterError, signalOf } from "../../../lib/base/mod.ts";
import { orAborted } from "../../../lib/request/mod.ts";
import type {
  UpstreamClient,
  UpstreamRequest,
  UpstreamResponse,
} from "../../../lib/upstream/mod.ts";
import type { KubernetesApi } from "./api.ts";

/** A client whose only server is `api`. */
export class ApiUpstream implements UpstreamClient {
  /** It cannot be reached. */
  isDown = false;
  /** Of the latest question: the longest silence it stands, in milliseconds. */
  idleTimeoutMs = 0;
  #silence = silence();
  readonly #api: KubernetesApi;

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  /** Have answers that are being read be silent for too long. */
  timeOut(): void {
    this.#silence.reject(new RouterError("upstream-timeout", "Nothing came"));
    this.#silence = silence();
  }

  send(
    { url, path, headers, idleTimeoutMs, signal }: UpstreamRequest,
  ): Promise<UpstreamResponse> {
    this.idleTimeoutMs = idleTimeoutMs;
    if (signal?.aborted) return Promise.reject(gone());
    if (this.isDown) {
      return Promise.reject(new RouterError("upstream-unreachable", `Cannot reach ${url}`));
    }
    const fields = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
    const response = this.#api.handle(new Request(url + path, { headers: fields }));
    const over = signal === undefined ? new AbortController().signal : signalOf(signal);
    return Promise.resolve(new ApiResponse(response, this.#silence.promise, over));
  }

  [Symbol.dispose](): void {}
}

function silence(): PromiseWithResolvers<never> {
  const resolvers = Promise.withResolvers<never>();
  resolvers.promise.catch(() => {}); // Nobody may be reading.
  return resolvers;
}

class ApiResponse implements UpstreamResponse {
  readonly headers = [];
  readonly #response: Response;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #silence: Promise<never>;
  readonly #signal: AbortSignal;

  constructor(response: Response, silence: Promise<never>, signal: AbortSignal) {
    this.#response = response;
    this.#silence = silence;
    this.#reader = response.body?.getReader();
    this.#signal = signal;
  }

  get status(): number {
    return this.#response.status;
  }

  header(name: string): string | undefined {
    return this.#response.headers.get(name) ?? undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    const reading = this.#reader?.read().catch(() => {
      throw new RouterError("upstream-protocol", "The connection was cut");
    });
    if (reading === undefined) return undefined;
    const read = await orAborted(Promise.race([reading, this.#silence]), this.#signal);
    if (read === "aborted") throw gone();
    return read.value;
  }

  async readAll(_limitBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let part = await this.read(); part !== undefined; part = await this.read()) {
      parts.push(part);
    }
    return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
  }

  [Symbol.dispose](): void {
    this.#reader?.cancel().catch(() => {});
  }
}

function gone(): RouterError {
  return new RouterError("client-gone", "The exchange was ended");
}
