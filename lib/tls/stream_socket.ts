/** A stream of Node's as a socket that is read and written by promises. @module */
import type { Duplex } from "node:stream";
import type { ConnStream } from "./conn_stream.ts";

/** A connection's bytes, in both directions. Closing it ends pending reads and writes. */
export interface ByteSocket {
  /** Bytes read into `target`, or null at the end. One read at a time. */
  read(target: Uint8Array): Promise<number | null>;
  /** Bytes of `data` that were written: all of them. */
  write(data: Uint8Array): Promise<number>;
  /** No more will be written; reading goes on. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** `stream`, which speaks TLS on `conn`, as a socket; both belong to the socket from here on. */
export function streamSocket(stream: Duplex, conn: ConnStream): ByteSocket {
  return new StreamSocket(stream, conn);
}

class StreamSocket implements ByteSocket {
  readonly #stream: Duplex;
  readonly #conn: ConnStream;
  /** Bytes that have come and were not asked for yet. */
  #rest: Uint8Array | undefined;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: Duplex, conn: ConnStream) {
    this.#stream = stream;
    this.#conn = conn;
    const wake = (): void => this.#wake?.();
    stream.on("readable", wake);
    stream.on("end", wake);
    stream.on("close", wake);
    stream.on("error", (error: Error) => {
      this.#failure = error;
      wake();
    });
  }

  async read(target: Uint8Array): Promise<number | null> {
    for (;;) {
      const bytes = this.#rest ?? this.#take();
      if (bytes !== undefined) {
        const size = Math.min(bytes.length, target.length);
        target.set(bytes.subarray(0, size));
        this.#rest = size < bytes.length ? bytes.subarray(size) : undefined;
        return size;
      }
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#stream.readableEnded) return null;
      if (this.#stream.destroyed) throw closed();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  write(data: Uint8Array): Promise<number> {
    return this.#done((done) => this.#stream.write(data, done)).then(() => data.length);
  }

  async closeWrite(): Promise<void> {
    await this.#done((done) => this.#stream.end(done));
    // Node's TLS is done once it has handed its last record on.
    await this.#conn.written;
  }

  close(): void {
    this.#stream.destroy();
    this.#conn.abandon();
    this.#wake?.();
  }

  #take(): Uint8Array | undefined {
    const bytes: unknown = this.#stream.read();
    return bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined;
  }

  /** Resolves when `begin` has called back, or rejects when the stream ends before that. */
  #done(begin: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed) return reject(this.#failure ?? closed());
      const onClose = (): void => reject(this.#failure ?? closed());
      this.#stream.once("close", onClose);
      begin((error) => {
        this.#stream.off("close", onClose);
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

function closed(): Error {
  return new Deno.errors.BadResource("The connection is closed");
}
