/**
 * A process of its own: an engine that answers from memory, so that what a router costs shows
 * rather than what an engine does. Every port serves both legs of a handoff and whole requests.
 *
 * `fast_engine.ts NOTIFY_PORT PORT...`
 * @module
 */
import { encode } from "@msgpack/msgpack";
import { Push } from "zeromq";
import { decodeUtf8 } from "../../lib/base/mod.ts";
import {
  LONG_PROMPT,
  MODELS,
  PREFILL,
  STREAMS,
  tokenizeAnswer,
  USUAL_PROMPT,
  WHOLE,
} from "./fast_answers.ts";

/** Field of a request that sets the time between tokens, in milliseconds. */
export const PACE_FIELD = "x-bench-itl-ms";

/** Prompts of requests larger than this, in bytes, have many tokens. */
const LONG_BODY = 32 * 1024;

/** Where the fields that decide stand: the benchmark writes them first, the router last. */
const EDGE_BYTES = 1024;

const TOKENIZED = { usual: tokenizeAnswer(USUAL_PROMPT), long: tokenizeAnswer(LONG_PROMPT) };

interface Request {
  readonly head: string;
  readonly length: number;
  /** Both ends of the body. */
  readonly body: string;
}

/** Reads requests from one connection. */
class RequestReader {
  readonly #connection: Deno.TcpConn;
  readonly #buffer = new Uint8Array(64 * 1024);
  #end = 0;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** The next request; undefined when the connection has ended. */
  async next(): Promise<Request | undefined> {
    for (;;) {
      const text = decodeUtf8(this.#buffer.subarray(0, this.#end));
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd >= 0) return await this.#rest(text.slice(0, headEnd + 4));
      const size = await this.#connection.read(this.#buffer.subarray(this.#end));
      if (size === null) return undefined;
      this.#end += size;
    }
  }

  /** Requests are not pipelined: the buffer holds one, or the beginning of one. */
  async #rest(head: string): Promise<Request | undefined> {
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    let got = this.#end - head.length;
    const first = decodeUtf8(
      this.#buffer.subarray(head.length, Math.min(this.#end, head.length + EDGE_BYTES)),
    );
    let last = decodeUtf8(
      this.#buffer.subarray(Math.max(head.length, this.#end - EDGE_BYTES), this.#end),
    );
    while (got < length) {
      const size = await this.#connection.read(this.#buffer);
      if (size === null) return undefined;
      got += size;
      const tail = decodeUtf8(this.#buffer.subarray(Math.max(0, size - EDGE_BYTES), size));
      last = (last + tail).slice(-EDGE_BYTES);
    }
    this.#end = 0;
    return { head, length, body: first + last };
  }
}

async function serve(connection: Deno.TcpConn, push: Notifier): Promise<void> {
  connection.setNoDelay(true);
  const reader = new RequestReader(connection);
  try {
    for (;;) {
      const request = await reader.next();
      if (request === undefined) return;
      await answer(connection, request, push);
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    connection.close();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

async function answer(
  connection: Deno.TcpConn,
  { head, length, body }: Request,
  notifier: Notifier,
): Promise<void> {
  if (head.startsWith("GET")) return await writeAll(connection, MODELS);
  if (head.startsWith("POST /tokenize")) {
    return await writeAll(connection, length > LONG_BODY ? TOKENIZED.long : TOKENIZED.usual);
  }
  const transfer = /"disagg_spec":\{"req_id":"([^"]+)"/.exec(body)?.[1];
  if (transfer !== undefined) {
    notifier.notify(transfer);
    return await writeAll(connection, PREFILL);
  }
  const form = head.startsWith("POST /v1/chat") ? "chat" : "completions";
  if (!body.includes('"stream":true')) return await writeAll(connection, WHOLE[form]);
  const tokens = Number(/.*"max_tokens":(\d+)/s.exec(body)?.[1] ?? 16);
  const paceMs = Number(/\r\nx-bench-itl-ms: *(\d+)/.exec(head)?.[1] ?? 0);
  const parts = STREAMS[form];
  await writeAll(connection, parts.head);
  const startedAt = performance.now();
  for (let token = 1; token < tokens; token++) {
    if (paceMs > 0) await until(startedAt + token * paceMs);
    await writeAll(connection, parts.token);
  }
  if (paceMs > 0) await until(startedAt + tokens * paceMs);
  await writeAll(connection, body.includes("include_usage") ? parts.endWithUsage : parts.end);
}

function until(atMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let at = await connection.write(bytes);
  while (at < bytes.length) at += await connection.write(bytes.subarray(at));
}

/** Tells the router of KV that has landed, one at a time: the socket takes no second send. */
export class Notifier {
  readonly #socket = new Push({ linger: 0 });
  readonly #waiting: string[] = [];
  #busy = false;

  constructor(port: number) {
    this.#socket.connect(`tcp://127.0.0.1:${port}`);
  }

  notify(transfer: string): void {
    this.#waiting.push(transfer);
    if (!this.#busy) this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#socket.send(encode({ type: "ProxyNotif", req_id: next }));
    }
    this.#busy = false;
  }
}

async function listen(port: number, notifier: Notifier): Promise<void> {
  for await (const connection of Deno.listen({ hostname: "127.0.0.1", port })) {
    serve(connection, notifier);
  }
}

if (import.meta.main) {
  const [notifyPort = 0, ...ports] = Deno.args.map(Number);
  const notifier = new Notifier(notifyPort);
  await Promise.all(ports.map((port) => listen(port, notifier)));
}
