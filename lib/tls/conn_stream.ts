/** A TCP connection of the platform as a stream of Node's, on which Node's TLS works. @module */
import { Duplex } from "node:stream";

/** The part of a TCP connection used here. */
export interface StreamConn {
  read(target: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

const READ_BYTES = 16 * 1024;

/**
 * `conn` as a stream; it belongs to the stream from here on, and is closed with it. What is being
 * written when the stream is destroyed without an error still goes out, as Node's TLS destroys the
 * connection under it without waiting for its last record.
 */
export class ConnStream extends Duplex {
  readonly #conn: StreamConn;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** The write under way; never rejects. */
  #writing: Promise<void> = Promise.resolve();

  constructor(conn: StreamConn) {
    super();
    this.#conn = conn;
  }

  /** Resolves once the connection has taken or refused the bytes that it is being given. */
  get written(): Promise<void> {
    return this.#writing;
  }

  /** Closes the connection at once, whatever was still to be written. */
  abandon(): void {
    closeQuietly(this.#conn);
    this.destroy();
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (size) => void this.push(size === null ? null : this.#buffer.slice(0, size)),
      (error: unknown) => void this.destroy(asError(error)),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    this.#writing = writeAll(this.#conn, chunk)
      .then(() => done(), (error: unknown) => done(asError(error)));
  }

  override _final(done: (error?: Error) => void): void {
    this.#conn.closeWrite().then(() => done(), (error: unknown) => done(asError(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const close = (): void => {
      closeQuietly(this.#conn);
      done(error);
    };
    if (error === null) this.#writing.then(close);
    else close();
  }
}

async function writeAll(conn: StreamConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Closes what may have been closed already. */
function closeQuietly(closable: { close(): void }): void {
  try {
    closable.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
