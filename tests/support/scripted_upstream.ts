/** Engines that answer by script, reached without sockets. @module */
import {
  type AbortWatch,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  RouterError,
} from "../../lib/base/mod.ts";
import { orAborted } from "../../lib/request/mod.ts";
import type {
  HeaderField,
  UpstreamClient,
  UpstreamRequest,
  UpstreamResponse,
} from "../../lib/upstream/mod.ts";

/** One request as an engine gets it. */
export interface Sent {
  /** Id of the engine, which `engineOf` has made. */
  readonly to: string;
  readonly path: string;
  /** The body; "" without one. */
  readonly text: string;
  readonly request: UpstreamRequest;
}

/** An answer in pieces: an error breaks it, a promise has it wait. */
export interface Reply {
  readonly status?: number;
  readonly headers?: readonly HeaderField[];
  readonly body?: readonly (string | Error | Promise<string>)[];
}

/** Answers one request; an error is what sending it comes to. */
export type EngineScript = (sent: Sent) => Reply | Error | Promise<Reply | Error>;

/** A whole JSON answer. */
export function json(value: unknown, status = 200): Reply {
  const text = JSON.stringify(value);
  const headers = [
    ["content-type", "application/json"],
    ["content-length", String(encodeUtf8(text).length)],
  ] as const;
  return { status, headers, body: [text] };
}

/** A stream of events, in these pieces. */
export function stream(...body: Reply["body"] & object): Reply {
  return { headers: [["content-type", "text/event-stream"]], body };
}

/** All engines, reached without sockets. */
export class ScriptedUpstream implements UpstreamClient {
  readonly sent: Sent[] = [];
  /** Responses neither read to the end nor disposed. */
  open = 0;
  readonly #script: EngineScript;

  constructor(script: EngineScript) {
    this.#script = script;
  }

  async send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const { url, path, body = [], signal = new AbortController().signal } = request;
    const to = new URL(url).hostname;
    const sent = { to, path, text: decodeUtf8(concatBytes(body)), request };
    this.sent.push(sent);
    const reply = await orAborted(Promise.resolve(this.#script(sent)), signal);
    if (reply === "aborted") throw gone();
    if (reply instanceof Error) throw reply;
    this.open++;
    return new ScriptedResponse(reply, signal, () => this.open--);
  }

  [Symbol.dispose](): void {}
}

class ScriptedResponse implements UpstreamResponse {
  readonly status: number;
  readonly headers: readonly HeaderField[];
  readonly #pieces: (string | Error | Promise<string>)[];
  readonly #signal: AbortWatch;
  #release: (() => void) | undefined;
  #failure: Error | undefined;

  constructor(
    { status = 200, headers = [], body = [] }: Reply,
    signal: AbortWatch,
    release: () => void,
  ) {
    this.status = status;
    this.headers = headers;
    this.#pieces = [...body];
    this.#signal = signal;
    this.#release = release;
  }

  header(name: string): string | undefined {
    return this.headers.find(([key]) => key.toLowerCase() === name)?.[1];
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    const piece = this.#pieces.shift();
    if (piece instanceof Error) return this.#end(piece);
    if (piece === undefined) return this.#end();
    const text = await orAborted(Promise.resolve(piece), this.#signal);
    return this.#signal.aborted ? this.#end(gone()) : encodeUtf8(text);
  }

  async readAll(limitBytes: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let part = await this.read(); part !== undefined; part = await this.read()) {
      parts.push(part);
    }
    const all = concatBytes(parts);
    if (all.length <= limitBytes) return all;
    throw new RouterError("upstream-protocol", `Body larger than ${limitBytes} bytes`);
  }

  [Symbol.dispose](): void {
    if (this.#release === undefined) return;
    this.#failure = gone();
    this.#close();
  }

  #end(failure?: Error): undefined {
    this.#failure = failure;
    this.#close();
    if (failure !== undefined) throw failure;
  }

  #close(): void {
    this.#release?.();
    this.#release = undefined;
  }
}

function gone(): RouterError {
  return new RouterError("client-gone", "The exchange was ended");
}
