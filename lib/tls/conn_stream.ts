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

/** `conn` as a stream; it belongs to the stream from here on, and is closed with it. */
export function connStream(conn: StreamConn): Duplex {
  return new ConnStream(conn);
}

class ConnStream extends Duplex {
  readonly #conn: StreamConn;
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(conn: StreamConn) {
    super();
    this.#conn = conn;
  }

  override _read(): void {
    this.#conn.read(this.#buffer).then(
      (size) => void this.push(size === null ? null : this.#buffer.slice(0, size)),
      (error: unknown) => void this.destroy(asError(error)),
    );
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error) => void): void {
    writeAll(this.#conn, chunk).then(() => done(), (error: unknown) => done(asError(error)));
  }

  override _final(done: (error?: Error) => void): void {
    this.#conn.closeWrite().then(() => done(), (error: unknown) => done(asError(error)));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    closeQuietly(this.#conn);
    done(error);
  }
}

async function writeAll(conn: StreamConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Closes what may have been closed already. */
export function closeQuietly(closable: { close(): void }): void {
  try {
    closable.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
