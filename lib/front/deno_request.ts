/** A request of `Deno.serve` as fronts hand requests on. @module */
import { type Clock, RouterError } from "../base/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { FrontBody, FrontHeaders, FrontRequest } from "./contract/mod.ts";
import type { IdleWheel } from "./idle_wheel.ts";

/** What `Deno.serve` tells of a connection. */
export type DenoInfo = Pick<Deno.ServeHandlerInfo<Deno.NetAddr>, "remoteAddr">;

/**
 * Up to this size the platform's own reading is the quickest, and short enough to be waited for as a
 * whole.
 */
const SMALL_BYTES = 8 * 1024;

/** What is read at most of a body that nobody wants, and how long, in milliseconds. */
const PASSED_BYTES = 8 * 1024 * 1024;
const PASSED_MS = 1000;

/** `request`, of whose body no byte has been read; `wheel` has the limit of a wait for bytes. */
export function frontRequest(
  request: Request,
  { remoteAddr: { hostname, port } }: DenoInfo,
  wheel: IdleWheel,
): FrontRequest & { readonly body: DenoBody } {
  const { headers } = request;
  return {
    method: request.method,
    target: targetOf(request.url, headers.get("host")),
    headers: frontHeaders(headers, request.url),
    body: new DenoBody(request, wheel),
    remote: { hostname, port },
    signal: request.signal,
  };
}

/**
 * The target in a URL that the platform has put together of the `Host` field, or else of an address of
 * its own, and of the target as it was sent (Deno 2.9.6, `ext/http/00_serve.ts`).
 */
export function targetOf(url: string, host: string | null): string {
  const from = url.indexOf("://") + 3;
  if (host !== null && url.startsWith(host, from)) {
    const target = url.slice(from + host.length);
    if (target.startsWith("/") || target === "*") return target;
  }
  // An absolute form, or no `Host`: the authority ends where a path, or a query, begins.
  const rest = /[/?]/.exec(url.slice(from));
  if (rest === null) return "/";
  const target = url.slice(from + rest.index);
  return target.startsWith("/") ? target : `/${target}`;
}

function authorityOf(url: string): string {
  const from = url.indexOf("://") + 3;
  const length = url.slice(from).search(/[/?]/);
  return length < 0 ? url.slice(from) : url.slice(from, from + length);
}

function frontHeaders(headers: Headers, url: string): FrontHeaders {
  return {
    // HTTP/2 has no such field: what stands for it is in the URL alone.
    get: (name) => headers.get(name) ?? (name === "host" ? authorityOf(url) : undefined),
    [Symbol.iterator](): Iterator<HeaderField> {
      const fields: HeaderField[] = [];
      // forEach, not for-of: it was measured at a twelfth of the time.
      headers.forEach((value, name) => fields.push([name, value]));
      return fields.values();
    },
  };
}

/** The body of a request; left when nobody will read more of it. */
export class DenoBody implements FrontBody {
  readonly length: number | undefined;
  readonly #request: Request;
  readonly #wheel: IdleWheel;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #failure: RouterError | undefined;
  #ended = false;

  constructor(request: Request, wheel: IdleWheel) {
    this.#request = request;
    this.#wheel = wheel;
    const announced = request.headers.get("content-length");
    // An announced length is enforced by the server.
    this.length = announced !== null ? Number(announced) : request.body === null ? 0 : undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.length === 0 || this.#ended) return undefined;
    try {
      const whole = this.length !== undefined && this.length <= SMALL_BYTES;
      const bytes = whole ? await this.#all() : await this.#next();
      this.#ended = whole || bytes === undefined;
      return bytes;
    } catch (cause) {
      this.#failure = cause instanceof RouterError ? cause : bodyError(cause);
      throw this.#failure;
    }
  }

  async #all(): Promise<Uint8Array> {
    const late = Promise.withResolvers<never>();
    using wait = this.#wheel.watch(() => late.reject(tooSlow()));
    wait.arm();
    return await Promise.race([this.#request.bytes(), late.promise]);
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#reader ??= this.#request.body?.getReader();
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    const late = Promise.withResolvers<never>();
    using wait = this.#wheel.watch(() => late.reject(tooSlow()));
    wait.arm();
    try {
      for (;;) {
        const { value } = await Promise.race([reader.read(), late.promise]);
        if (value === undefined || value.length > 0) return value;
      }
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  /**
   * Read what is left of a body that nobody wants, within bounds: over HTTP/2 an answer that
   * overtakes it is lost (Deno 2.9.6 resets the stream). Not where the client waits to be asked for it.
   */
  async passOver(clock: Clock): Promise<void> {
    const { length = 0 } = this;
    const unread = !this.#ended && this.#failure === undefined && this.length !== 0;
    if (!unread || length > PASSED_BYTES || this.#request.headers.has("expect")) return;
    const over = Promise.withResolvers<undefined>();
    using _limit = clock.after(PASSED_MS, () => over.resolve(undefined));
    for (let passed = 0; passed <= PASSED_BYTES;) {
      const bytes = await Promise.race([this.read().catch(() => undefined), over.promise]);
      if (bytes === undefined) return;
      passed += bytes.length;
    }
  }

  /** Give back what reading it holds: nothing more is wanted of it. */
  leave(): void {
    const reader = this.#reader;
    this.#reader = undefined;
    // What fails at this says nothing that has not been said.
    reader?.cancel().catch(() => {});
  }
}

function tooSlow(): RouterError {
  return new RouterError("client-timeout", "The request body did not arrive in time");
}

/** The platform says which of the two it is in words alone. */
function bodyError(cause: unknown): RouterError {
  return cause instanceof Error && cause.message.includes("invalid HTTP/1 request")
    ? new RouterError("bad-request", "The request body's chunked coding is malformed", { cause })
    : new RouterError("client-gone", "The client did not send the whole body", { cause });
}
