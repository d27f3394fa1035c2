/** A client to the engines that answers what a test says, at the moment the test says. @module */
import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import type {
  HeaderField,
  UpstreamClient,
  UpstreamRequest,
  UpstreamResponse,
} from "../../lib/upstream/mod.ts";

/** What a test has a body give: bytes, or what breaks it. */
export type Piece = string | Uint8Array | Error;

/**
 * An answer whose body comes as the test sends it. What a read gives is spoilt with the next one, as
 * the view of a connection's buffer is.
 */
export class FakeResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  /** Whether the exchange goes on, its connection can serve again, or it was cut off. */
  state: "open" | "kept" | "closed" = "open";
  /** Told when the exchange is over. */
  onOver: () => void = () => {};
  readonly #pieces: (Uint8Array | Error)[] = [];
  #complete = false;
  #view: Uint8Array | undefined;
  #error: unknown;
  #waiting: PromiseWithResolvers<Uint8Array | undefined> | undefined;

  /** With `pieces` they come at once, and then the end. */
  constructor(status: number, headers: readonly HeaderField[] = [], pieces?: readonly Piece[]) {
    this.status = status;
    this.headers = headers;
    if (pieces === undefined) return;
    this.send(...pieces);
    this.end();
  }

  /** Have more of the body come. */
  send(...pieces: readonly Piece[]): void {
    for (const piece of pieces) {
      if (typeof piece === "string") this.#pieces.push(encodeUtf8(piece));
      else this.#pieces.push(piece instanceof Error ? piece : piece.slice());
    }
    this.#serve();
  }

  /** The body is complete. */
  end(): void {
    this.#complete = true;
    this.#serve();
  }

  /** The exchange fails from here on. */
  abort(error: unknown): void {
    if (this.state !== "open") return;
    this.#error = error;
    this.#over("closed");
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  header(name: string): string | undefined {
    return this.headers.find(([field]) => field.toLowerCase() === name)?.[1];
  }

  read(): Promise<Uint8Array | undefined> {
    this.#view?.fill(0x3f);
    if (this.state === "kept") return Promise.resolve(undefined);
    if (this.state === "closed") return Promise.reject(this.#error);
    if (this.#waiting !== undefined) throw new TypeError("A body was read twice at once");
    this.#waiting = Promise.withResolvers();
    const { promise } = this.#waiting;
    this.#serve();
    return promise;
  }

  async readAll(limitBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let bytes = await this.read(); bytes !== undefined; bytes = await this.read()) {
      parts.push(bytes.slice());
    }
    const all = concatBytes(parts);
    if (all.length > limitBytes) throw new RouterError("upstream-protocol", "body too large");
    return all;
  }

  [Symbol.dispose](): void {
    this.#view?.fill(0x3f);
    const whole = this.#complete && this.#pieces.every((piece) => piece instanceof Uint8Array);
    if (this.state === "open" && whole) this.#over("kept");
    else this.abort(new RouterError("client-gone", "disposed before its end"));
  }

  #over(state: "kept" | "closed"): void {
    this.state = state;
    this.onOver();
  }

  #serve(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || (this.#pieces.length === 0 && !this.#complete)) return;
    const piece = this.#pieces.shift();
    if (piece instanceof Error) return this.abort(piece);
    this.#waiting = undefined;
    this.#view = piece;
    if (piece === undefined) this.#over("kept");
    waiting.resolve(piece);
  }
}

/** One request as it was sent; the test answers it, or has it fail. */
export class SentRequest {
  readonly request: UpstreamRequest;
  /** The answer's head. */
  readonly head: Promise<UpstreamResponse>;
  /** Its sender gave the exchange up. */
  aborted = false;
  readonly #head = Promise.withResolvers<UpstreamResponse>();
  readonly #onAbort = (): void => this.#abort();
  #response: FakeResponse | undefined;

  constructor(request: UpstreamRequest) {
    this.request = request;
    this.head = this.#head.promise;
    if (request.signal?.aborted === true) this.#abort();
    else request.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The body, parsed. */
  get body(): unknown {
    return JSON.parse(decodeUtf8(concatBytes(this.request.body ?? [])));
  }

  answer(response: FakeResponse): FakeResponse {
    this.#response = response;
    response.onOver = () => this.#end();
    this.#head.resolve(response);
    return response;
  }

  fail(error: unknown): void {
    this.#end();
    this.#head.reject(error);
  }

  #abort(): void {
    this.aborted = true;
    const error = new RouterError("client-gone", "the exchange was aborted");
    if (this.#response === undefined) this.fail(error);
    else this.#response.abort(error);
  }

  #end(): void {
    this.request.signal?.removeEventListener("abort", this.#onAbort);
  }
}

/** Keeps what is sent until the test, or `script` as it is sent, answers it. */
export class FakeUpstream implements UpstreamClient {
  readonly sent: SentRequest[] = [];
  script: (sent: SentRequest) => void = () => {};

  send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const sent = new SentRequest(request);
    this.sent.push(sent);
    this.script(sent);
    return sent.head;
  }

  /** The only request to `url` that has been sent. Throws where it is not the only one. */
  to(url: string): SentRequest {
    const [sent, ...more] = this.sent.filter(({ request }) => request.url === url);
    if (sent === undefined || more.length > 0) {
      throw new Error(`Expected one request to ${url}, received ${more.length + (sent ? 1 : 0)}`);
    }
    return sent;
  }

  [Symbol.dispose](): void {}
}

/** A whole JSON answer. */
export function jsonResponse(
  value: unknown,
  status = 200,
  headers: readonly HeaderField[] = [],
): FakeResponse {
  const type = ["content-type", "application/json"] as const;
  return new FakeResponse(status, [type, ...headers], [JSON.stringify(value)]);
}

/** A stream of events; with `pieces`, all of it. */
export function eventResponse(pieces?: readonly Piece[]): FakeResponse {
  return new FakeResponse(200, [["content-type", "text/event-stream"]], pieces);
}
