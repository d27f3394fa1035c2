/** Questions to one API server. @module */
import { type Clock, type ErrorCode, type FilePort, jsonOf, RouterError } from "../../base/mod.ts";
import type { ClusterAccess } from "../../config/mod.ts";
import type { HeaderField, UpstreamClient, UpstreamResponse } from "../../upstream/mod.ts";
import { type ApiRefusal, refusalOf } from "./api_refusal.ts";
import { FileText, tokenIn } from "./credentials.ts";

/** What a client works with. */
export interface ApiClientPorts {
  readonly clock: Clock;
  readonly files: FilePort;
  /** A client that trusts these authorities (PEM) too; made anew when they change. */
  readonly connect: (caCerts: readonly string[]) => UpstreamClient;
}

/** One question. */
export interface ApiQuestion {
  /** Path and query. */
  readonly path: string;
  /** Longest wait for the head of the answer, in milliseconds. */
  readonly headMs: number;
  /** Longest silence within it, in milliseconds. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** Answers to a question. */
export interface ApiClient {
  /**
   * The answer, of status 200; dispose it. Rejects with `ApiRefusal` for any other, and with
   * `RouterError` as `UpstreamClient` does, or where the token or the authorities cannot be read.
   */
  get(question: ApiQuestion): Promise<UpstreamResponse>;
}

const CONNECT_MS = 10_000;

/** Largest `Status` that is read, in bytes. */
const MAX_STATUS_BYTES = 256 * 1024;

const HEADERS: readonly HeaderField[] = [
  ["accept", "application/json"],
  ["user-agent", "pd-router"],
];

/** By HTTP/1.1, over the connections that `connect` makes. */
export class HttpApiClient implements ApiClient, Disposable {
  readonly #url: string;
  readonly #connect: ApiClientPorts["connect"];
  readonly #token: FileText | undefined;
  readonly #authorities: FileText | undefined;
  #upstream: { readonly client: UpstreamClient; readonly ca: string } | undefined;

  constructor({ url, tokenFile, caFile }: ClusterAccess, ports: ApiClientPorts) {
    this.#url = url;
    this.#connect = ports.connect;
    this.#token = tokenFile === undefined ? undefined : new FileText(tokenFile, "token", ports);
    this.#authorities = caFile === undefined
      ? undefined
      : new FileText(caFile, "certificate authorities", ports);
  }

  async get(question: ApiQuestion): Promise<UpstreamResponse> {
    const token = this.#shown();
    const answer = await this.#send(question, token);
    if (!("isExpired" in answer)) return answer;
    // The kubelet may have put another one there in this moment.
    const fresh = answer.status === 401 ? this.#shown() : token;
    const again = fresh === token ? answer : await this.#send(question, fresh);
    if ("isExpired" in again) throw again;
    return again;
  }

  [Symbol.dispose](): void {
    this.#upstream?.client[Symbol.dispose]();
  }

  async #send(
    { path, headMs, idleMs, signal }: ApiQuestion,
    token: string | undefined,
  ): Promise<UpstreamResponse | ApiRefusal> {
    const sending = this.#client().send({
      method: "GET",
      url: this.#url,
      path,
      headers: token === undefined ? HEADERS : [...HEADERS, ["authorization", `Bearer ${token}`]],
      connectTimeoutMs: CONNECT_MS,
      headTimeoutMs: headMs,
      idleTimeoutMs: idleMs,
      signal,
    });
    const response = await sending.catch((error: unknown) => {
      throw ofServer(error, this.#url);
    });
    if (response.status === 200) return response;
    using refused = response;
    const { status } = refused;
    const body = jsonOf(await refused.readAll(MAX_STATUS_BYTES));
    return refusalOf(body, status, refused.header("retry-after"));
  }

  #shown(): string | undefined {
    return this.#token && tokenIn(this.#token);
  }

  /** With other authorities nothing that rests on the old ones goes on. */
  #client(): UpstreamClient {
    const ca = this.#authorities?.read() ?? "";
    if (this.#upstream?.ca === ca) return this.#upstream.client;
    this.#upstream?.client[Symbol.dispose]();
    const client = this.#connect(ca === "" ? [] : [ca]);
    this.#upstream = { client, ca };
    return client;
  }
}

const FAULTS: Partial<Readonly<Record<ErrorCode, string>>> = {
  "upstream-unreachable": "cannot be reached",
  "upstream-timeout": "does not answer",
  "upstream-protocol": "breaks off, or answers something else than HTTP/1.1",
};

/** What the client says of engines, said of the API server. */
function ofServer(error: unknown, url: string): unknown {
  const fault = error instanceof RouterError ? FAULTS[error.code] : undefined;
  if (!(error instanceof RouterError) || fault === undefined) return error;
  const { code, cause } = error;
  return new RouterError(code, `The API server ${url} ${fault}`, { cause });
}
