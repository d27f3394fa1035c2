/** One client connection: reads ahead so that a disconnect is seen while a request runs. @module */
import type { ByteSource } from "./http_message.ts";

const READ_SIZE = 64 * 1024;

/** A TCP connection with a read buffer and one read in flight at most. */
export class HttpConnection implements ByteSource {
  readonly #conn: Deno.TcpConn;
  #buffer = new Uint8Array(READ_SIZE);
  #start = 0;
  #end = 0;
  #ended = false;
  #closed = false;
  #reading: Promise<boolean> | undefined;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay(true);
  }

  get available(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  consume(count: number): void {
    this.#start += count;
    if (this.#start === this.#end) {
      if (this.#reading === undefined) this.#start = this.#end = 0;
    }
  }

  fill(): Promise<boolean> {
    if (this.#ended || this.#closed) return Promise.resolve(false);
    this.#reading ??= this.#read();
    return this.#reading;
  }

  /**
   * Watch for the peer's end while a request runs: `onGone` is called when the peer closes or
   * resets. Bytes that arrive meanwhile are kept for the next request.
   */
  watch(onGone: () => void): void {
    if (this.available.length > 0) return;
    this.fill().then((more) => {
      if (!more && !this.#closed) onGone();
    });
  }

  /** Send all of `bytes`; false when the peer is gone. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.#conn.write(sent === 0 ? bytes : bytes.subarray(sent));
      }
      return true;
    } catch (error) {
      if (!isGone(error)) throw error;
      return false;
    }
  }

  /** Close at once, at whatever point the exchange is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  async #read(): Promise<boolean> {
    try {
      this.#makeRoom();
      const count = await this.#conn.read(this.#buffer.subarray(this.#end));
      if (count === null) this.#ended = true;
      else this.#end += count;
      return count !== null;
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#ended = true;
      return false;
    } finally {
      this.#reading = undefined;
    }
  }

  #makeRoom(): void {
    if (this.#start === this.#end) this.#start = this.#end = 0;
    if (this.#end < this.#buffer.length) return;
    const kept = this.#end - this.#start;
    const next = this.#start > 0 && kept < this.#buffer.length / 2
      ? this.#buffer
      : new Uint8Array(this.#buffer.length * 2);
    next.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = next;
    this.#start = 0;
    this.#end = kept;
  }
}

/** True for the errors a vanished peer or an own `close` causes. */
export function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource;
}
