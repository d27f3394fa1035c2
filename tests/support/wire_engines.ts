/** Engines on a wire in memory: what they do with each request is in the test's hands. @module */
import { encodeUtf8 } from "../../lib/base/mod.ts";
import type { Dial, Socket } from "../../lib/upstream/mod.ts";

/** What an engine does with a connection, in turn: writes, ends it (`null`), or breaks it. */
export type WireStep = string | null | Error;

/** One request as an engine has read it. */
export interface WireRequest {
  /** The host of the engine's URL. */
  readonly to: string;
  readonly path: string;
  readonly text: string;
  readonly headers: ReadonlyMap<string, string>;
  /** How many requests have come on this connection, this one included. */
  readonly nth: number;
}

/** What an engine does with a request; nothing keeps its sender waiting. */
export type WireScript = (request: WireRequest) => readonly WireStep[];

/** What becomes of a connection: made, refused with an error, or waited for in vain. */
export type WireConnect = (to: string) => "made" | "never" | Error;

/** A whole answer in JSON. */
export function jsonSteps(value: unknown, status = 200, fields = ""): readonly WireStep[] {
  return [headOf(status, "application/json", fields), chunkOf(JSON.stringify(value)), LAST_CHUNK];
}

/** The head of a chunked answer. */
export function headOf(status: number, type: string, fields = ""): string {
  return `HTTP/1.1 ${status} X\r\ncontent-type: ${type}\r\n${fields}` +
    "transfer-encoding: chunked\r\n\r\n";
}

/** `text` as one chunk. */
export function chunkOf(text: string): string {
  return `${encodeUtf8(text).length.toString(16)}\r\n${text}\r\n`;
}

/** The end of a chunked body. */
export const LAST_CHUNK = "0\r\n\r\n";

/** All engines of a test. */
export class WireEngines {
  /** Every request, in the order in which they were read. */
  readonly asked: WireRequest[] = [];
  connect: WireConnect = () => "made";
  readonly #sockets = new Set<WireSocket>();
  readonly #script: WireScript;

  constructor(script: WireScript) {
    this.#script = script;
  }

  readonly dial: Dial = (origin, signal) => {
    const end = this.connect(origin.hostname);
    if (end instanceof Error) return Promise.reject(end);
    if (end === "made") return Promise.resolve(this.#socket(origin.hostname));
    return new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
    );
  };

  /** Connections that the router has not closed. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Every engine ends its connections. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.take([null]);
  }

  #socket(to: string): Socket {
    const socket = new WireSocket((request) => {
      const asked = { ...request, to };
      this.asked.push(asked);
      return this.#script(asked);
    }, () => void this.#sockets.delete(socket));
    this.#sockets.add(socket);
    return socket;
  }
}

/** The router's end of one connection. */
class WireSocket implements Socket {
  readonly #onRequest: (request: Omit<WireRequest, "to">) => readonly WireStep[];
  readonly #onClosed: () => void;
  readonly #steps: (Uint8Array | null | Error)[] = [];
  #reading:
    | { resolve(n: number | null): void; reject(e: Error): void; into: Uint8Array }
    | undefined;
  #written = "";
  #requests = 0;
  #closed = false;

  constructor(
    onRequest: (request: Omit<WireRequest, "to">) => readonly WireStep[],
    onClosed: () => void,
  ) {
    this.#onRequest = onRequest;
    this.#onClosed = onClosed;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("closed"));
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject, into };
      this.#serve();
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource("closed"));
    this.#written += new TextDecoder("latin1").decode(data);
    this.#hear();
    return Promise.resolve(data.length);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
    this.#reading?.reject(new Deno.errors.Interrupted("closed"));
    this.#reading = undefined;
  }

  /** What the engine does from here on. */
  take(steps: readonly WireStep[]): void {
    this.#steps.push(...steps.map((step) => typeof step === "string" ? encodeUtf8(step) : step));
    this.#serve();
  }

  /** Hand a request on that is complete. */
  #hear(): void {
    const [head = "", rest] = this.#written.split(/\r\n\r\n(.*)/s);
    if (rest === undefined) return;
    const [first = "", ...lines] = head.split("\r\n");
    const headers = new Map(lines.map((line) => {
      const [name = "", value = ""] = line.split(/: (.*)/s);
      return [name.toLowerCase(), value] as const;
    }));
    if (rest.length < Number(headers.get("content-length") ?? 0)) return;
    this.#written = "";
    const [, path = ""] = first.split(" ");
    this.take(this.#onRequest({ path, text: rest, headers, nth: ++this.#requests }));
  }

  #serve(): void {
    const reading = this.#reading;
    const [step] = this.#steps;
    if (reading === undefined || step === undefined) return;
    this.#reading = undefined;
    this.#steps.shift();
    if (step instanceof Error) return reading.reject(step);
    if (step === null) return reading.resolve(null);
    const bytes = step.subarray(0, reading.into.length);
    if (bytes.length < step.length) this.#steps.unshift(step.subarray(bytes.length));
    reading.into.set(bytes);
    reading.resolve(bytes.length);
  }
}
