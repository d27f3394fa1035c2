/** A TCP or TLS server that does exactly what a test says, byte by byte. @module */
import { decodeUtf8, encodeUtf8 } from "../../../lib/base/mod.ts";

/** One accepted connection. */
export class RawPeer {
  /** For what the methods do not cover. */
  readonly conn: Deno.Conn;
  #buffered = new Uint8Array(0);

  constructor(conn: Deno.Conn) {
    this.conn = conn;
  }

  /** One request: head, and the body its Content-Length announces; undefined at the end. */
  async readRequest(): Promise<string | undefined> {
    for (;;) {
      const text = decodeUtf8(this.#buffered);
      const headEnd = text.indexOf("\r\n\r\n");
      const length = Number(/\r\ncontent-length: (\d+)\r\n/.exec(text)?.[1] ?? 0);
      if (headEnd >= 0 && this.#buffered.length >= headEnd + 4 + length) {
        this.#buffered = this.#buffered.slice(headEnd + 4 + length);
        return text.slice(0, headEnd + 4 + length);
      }
      if (!(await this.#more())) return undefined;
    }
  }

  /** The head alone; what follows it is left unread in the socket or this buffer. */
  async readHead(): Promise<string> {
    for (;;) {
      const text = decodeUtf8(this.#buffered);
      const headEnd = text.indexOf("\r\n\r\n");
      if (headEnd >= 0) return text.slice(0, headEnd + 4);
      if (!(await this.#more())) throw new Error("connection ended inside a head");
    }
  }

  /** Bytes that arrive until the client closes or resets the connection. */
  async drain(): Promise<number> {
    let total = this.#buffered.length;
    const chunk = new Uint8Array(64 * 1024);
    for (;;) {
      const size = await this.conn.read(chunk).catch(() => null);
      if (size === null) return total;
      total += size;
    }
  }

  /** Write everything. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? encodeUtf8(data) : data;
    for (let sent = 0; sent < bytes.length;) sent += await this.conn.write(bytes.subarray(sent));
  }

  close(): void {
    try {
      this.conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(256 * 1024);
    const size = await this.conn.read(chunk);
    if (size === null) return false;
    const joined = new Uint8Array(this.#buffered.length + size);
    joined.set(this.#buffered);
    joined.set(chunk.subarray(0, size), this.#buffered.length);
    this.#buffered = joined;
    return true;
  }
}

/** What a server does with its connection number `index`; the connection is closed at the end. */
export type Script = (peer: RawPeer, index: number) => Promise<void>;

/** Runs `script` for each connection until it is disposed, which fails if a script has failed. */
export class RawServer implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.Listener;
  readonly #script: Script;
  readonly #peers = new Set<RawPeer>();
  readonly #running: Promise<void>[] = [];
  readonly #accepting: Promise<void>;
  #disposed = false;
  #failure: unknown;

  constructor(script: Script, listener?: Deno.Listener) {
    this.#listener = listener ?? Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const { addr } = this.#listener;
    if (!("port" in addr)) throw new Error("not a TCP listener");
    this.port = addr.port;
    this.#script = script;
    this.#accepting = this.#accept();
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections accepted so far. */
  get connections(): number {
    return this.#running.length;
  }

  /** Resolves when the scripts of all connections accepted so far have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#listener.close();
    for (const peer of this.#peers) peer.close();
    await this.#accepting;
    await this.idle();
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) this.#running.push(this.#run(new RawPeer(conn)));
  }

  async #run(peer: RawPeer): Promise<void> {
    this.#peers.add(peer);
    try {
      await this.#script(peer, this.#running.length);
    } catch (error) {
      if (!this.#disposed) this.#failure ??= error;
    } finally {
      peer.close();
      this.#peers.delete(peer);
    }
  }
}

/** One turn of the event loop, for what only I/O can bring about. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
