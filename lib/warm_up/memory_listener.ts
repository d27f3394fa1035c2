/** Where clients in memory connect to. @module */
import { type MemorySocket, memorySockets } from "./memory_socket.ts";

/** Listens, and has the other ends of what it accepts. */
export class MemoryListener {
  readonly addr = { hostname: "127.0.0.1", port: 0 } as const;
  readonly #waiting: MemorySocket[] = [];
  #accepting: {
    readonly resolve: (socket: MemorySocket) => void;
    readonly reject: (error: Error) => void;
  } | undefined;
  #closed = false;

  /** A connection to it. Throws once it is closed. */
  connect(): MemorySocket {
    if (this.#closed) throw closed();
    const [here, there] = memorySockets();
    const accepting = this.#accepting;
    this.#accepting = undefined;
    if (accepting === undefined) this.#waiting.push(there);
    else accepting.resolve(there);
    return here;
  }

  /** The next connection. Rejects once it is closed. */
  accept(): Promise<MemorySocket> {
    const next = this.#waiting.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (this.#closed) return Promise.reject(closed());
    return new Promise((resolve, reject) => this.#accepting = { resolve, reject });
  }

  close(): void {
    this.#closed = true;
    this.#accepting?.reject(closed());
    this.#accepting = undefined;
    for (const socket of this.#waiting.splice(0)) socket.close();
  }
}

function closed(): Error {
  return new Error("The listener is closed");
}
