/**
 * A response whose head has arrived, read from its connection.
 * @module
 */
import { concatBytes, RouterError } from "../base/mod.ts";
import { type BodyDecoder, ChunkedBody, ClosingBody, FixedBody, WireError } from "../http1/mod.ts";
import type { HeaderField, UpstreamResponse } from "./client.ts";
import type { Connection } from "./connection.ts";
import { findField, type Framing, type ResponseFraming } from "./framing.ts";
import type { ResponseHead } from "./head.ts";
import { badResponse, disposedEarly, LostConnection } from "./problems.ts";

const END: Promise<undefined> = Promise.resolve(undefined);

const NOTHING = new Uint8Array(0);

/** Reads one body; gives the connection back, or closes it, exactly once. */
export class PooledResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  readonly #connection: Connection;
  readonly #body: BodyDecoder;
  readonly #keepAlive: boolean;
  readonly #release: (connection: Connection, reusable: boolean) => void;
  #state: "open" | "reading" | "ended" | "failed" = "open";
  #error: RouterError | undefined;

  /** `release` takes the connection back when the exchange is over; it may be closed by then. */
  constructor(
    connection: Connection,
    head: ResponseHead,
    { framing, keepAlive }: ResponseFraming,
    release: (connection: Connection, reusable: boolean) => void,
  ) {
    this.status = head.status;
    this.headers = head.headers;
    this.#connection = connection;
    this.#body = createBodyDecoder(framing);
    this.#keepAlive = keepAlive;
    this.#release = release;
  }

  header(name: string): string | undefined {
    return findField(this.headers, name);
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#state !== "open") return this.#readClosed();
    if (this.#connection.closed) return this.#readMore();
    try {
      const view = this.#body.take(this.#connection.window);
      if (view !== undefined) return Promise.resolve(view);
    } catch (error) {
      return Promise.reject(this.#fail(error));
    }
    if (!this.#body.done) return this.#readMore();
    this.#finish();
    return END;
  }

  readAll(limitBytes: number): Promise<Uint8Array> {
    const whole = this.#takeWhole(limitBytes);
    return whole === undefined ? this.#readAll(limitBytes) : Promise.resolve(whole);
  }

  /** All of a body whose last byte is here with its first, as of most that are small. */
  #takeWhole(limitBytes: number): Uint8Array | undefined {
    const body = this.#body;
    const { window, closed, writing } = this.#connection;
    // A connection that has not heard yet of the end of its write could not be kept.
    if (this.#state !== "open" || closed || writing || !(body instanceof FixedBody)) {
      return undefined;
    }
    const { left } = body;
    if (left > window.end - window.start || left > limitBytes) return undefined;
    const bytes = body.take(window)?.slice() ?? NOTHING;
    this.#finish();
    return bytes;
  }

  async #readAll(limitBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const view = await this.read();
      if (view === undefined) return concatBytes(parts);
      size += view.length;
      if (size > limitBytes) {
        throw this.#fail(new WireError(`body larger than ${limitBytes} bytes`));
      }
      parts.push(view.slice());
    }
  }

  [Symbol.dispose](): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    if (this.#state === "open" && !this.#connection.closed && this.#drained()) {
      this.#finish();
    } else {
      this.#fail(disposedEarly(this.#connection.origin));
    }
  }

  async #readMore(): Promise<Uint8Array | undefined> {
    this.#state = "reading";
    try {
      for (;;) {
        const more = await this.#connection.fill();
        const view = more ? this.#body.take(this.#connection.window) : undefined;
        if (!more) this.#body.end();
        if (view === undefined && !this.#body.done) continue;
        this.#state = "open";
        if (view === undefined) this.#finish();
        return view;
      }
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** What is left of the body is in the buffer already: reading it costs less than a connection. */
  #drained(): boolean {
    try {
      while (this.#body.take(this.#connection.window) !== undefined);
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
    return this.#body.done;
  }

  #readClosed(): Promise<Uint8Array | undefined> {
    if (this.#state === "ended") return END;
    return Promise.reject(
      this.#error ?? new RouterError("internal", "Cannot read a response body twice at once"),
    );
  }

  #finish(): void {
    this.#state = "ended";
    this.#release(this.#connection, this.#keepAlive);
  }

  /** The error to report; the first one counts. */
  #fail(error: unknown): RouterError {
    if (this.#error !== undefined) return this.#error;
    const reported = reportedError(this.#connection, error);
    this.#state = "failed";
    this.#error = reported;
    this.#connection.close(reported);
    this.#release(this.#connection, false);
    return reported;
  }
}

/** An error met while reading a response, as the callers of this folder know it. */
export function reportedError(connection: Connection, error: unknown): RouterError {
  if (error instanceof RouterError) return error;
  const { origin } = connection;
  if (error instanceof WireError || error instanceof LostConnection) {
    return badResponse(origin, error.message, error.cause);
  }
  return new RouterError("internal", `Cannot read the response of engine ${origin.url}`, {
    cause: error,
  });
}

function createBodyDecoder(framing: Framing): BodyDecoder {
  switch (framing.kind) {
    case "length":
      return new FixedBody(framing.length);
    case "chunked":
      return new ChunkedBody();
    case "until-close":
      return new ClosingBody();
    default:
      return framing satisfies never;
  }
}
