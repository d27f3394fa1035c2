/** Connections in memory. Nothing is buffered: a write ends when a read has taken some of it. @module */

/** One end of a connection; that of a client, an engine, or the router before either. */
export interface MemorySocket {
  readonly remoteAddr: { readonly hostname: string; readonly port: number };
  /** Bytes read into `target`, or null at the end. */
  read(target: Uint8Array): Promise<number | null>;
  /** Bytes of `data` that were read on the other side. Rejects once either side is closed. */
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  /** Ends pending reads and writes of both sides. Any number of times. */
  close(): void;
}

/** Both ends of a connection. */
export function memorySockets(): readonly [MemorySocket, MemorySocket] {
  const [there, back] = [new Pipe(), new Pipe()];
  return [new End(back, there), new End(there, back)];
}

const ADDRESS = { hostname: "127.0.0.1", port: 0 } as const;

/** One direction. */
class Pipe {
  #reader:
    | { readonly target: Uint8Array; readonly resolve: (size: number | null) => void }
    | undefined;
  #writer: {
    readonly data: Uint8Array;
    readonly resolve: (size: number) => void;
    readonly reject: (error: Error) => void;
  } | undefined;
  #ended = false;

  read(target: Uint8Array): Promise<number | null> {
    const writer = this.#writer;
    if (writer !== undefined) {
      this.#writer = undefined;
      const size = copy(writer.data, target);
      writer.resolve(size);
      return Promise.resolve(size);
    }
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#reader = { target, resolve });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#ended) return Promise.reject(closed());
    const reader = this.#reader;
    if (reader === undefined) {
      return new Promise((resolve, reject) => this.#writer = { data, resolve, reject });
    }
    this.#reader = undefined;
    const size = copy(data, reader.target);
    reader.resolve(size);
    return Promise.resolve(size);
  }

  end(): void {
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#writer?.reject(closed());
    this.#reader = undefined;
    this.#writer = undefined;
  }
}

class End implements MemorySocket {
  readonly remoteAddr = ADDRESS;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(target: Uint8Array): Promise<number | null> {
    return this.#incoming.read(target);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#outgoing.write(data);
  }

  closeWrite(): Promise<void> {
    this.#outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    this.#incoming.end();
    this.#outgoing.end();
  }
}

/** Write all of `data`. Rejects as `write` does. */
export async function writeAll(
  socket: Pick<MemorySocket, "write">,
  data: Uint8Array,
): Promise<void> {
  for (let at = 0; at < data.length;) at += await socket.write(data.subarray(at));
}

function copy(data: Uint8Array, target: Uint8Array): number {
  const size = Math.min(data.length, target.length);
  target.set(data.subarray(0, size));
  return size;
}

function closed(): Error {
  return new Error("Cannot write to a connection that is closed");
}
