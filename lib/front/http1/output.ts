/** What leaves on a connection. @module */
import type { FrontSocket } from "./socket.ts";
import type { Limit, Wheel } from "./wheel.ts";

/** Writes to one socket, one write at a time. */
export class Output implements Disposable {
  readonly #socket: FrontSocket;
  readonly #limit: Limit;
  readonly #idleMs: number;
  #writing = false;
  /** Resolved when that has ended; made when it is waited for. */
  #idle: PromiseWithResolvers<void> | undefined;

  /** `onStuck` is called when the client takes nothing for `idleMs`. */
  constructor(socket: FrontSocket, wheel: Wheel, idleMs: number, onStuck: () => void) {
    this.#socket = socket;
    this.#limit = wheel.limit(onStuck);
    this.#idleMs = idleMs;
  }

  /** True while bytes wait for the client to take them. */
  get writing(): boolean {
    return this.#writing;
  }

  /** Write all of `bytes`, which must not change meanwhile; false when the connection is lost. */
  async write(bytes: Uint8Array): Promise<boolean> {
    this.#writing = true;
    try {
      for (let at = 0; at < bytes.length;) {
        this.#limit.set(this.#idleMs);
        at += await this.#socket.write(at === 0 ? bytes : bytes.subarray(at));
      }
      return true;
    } catch {
      return false; // How it was lost does not matter: nobody is there to be told.
    } finally {
      this.#limit.clear();
      this.#writing = false;
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** Resolves when nothing is being written. */
  idle(): Promise<void> {
    if (!this.#writing) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }

  [Symbol.dispose](): void {
    this.#limit[Symbol.dispose]();
  }
}
