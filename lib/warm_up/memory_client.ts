/** A client in memory. @module */
import { type MemorySocket, writeAll } from "./memory_socket.ts";
import { MessageReader } from "./message.ts";

/** Asks one request after the other on one connection. */
export class MemoryClient implements Disposable {
  readonly #socket: MemorySocket;
  readonly #messages: MessageReader;

  constructor(socket: MemorySocket) {
    this.#socket = socket;
    this.#messages = new MessageReader(socket);
  }

  /** The status of the answer; 0 where the connection has ended without one. */
  async ask(request: Uint8Array): Promise<number> {
    try {
      await writeAll(this.#socket, request);
    } catch {
      // The only way in which a write in memory fails: the connection has ended.
      return 0;
    }
    const message = await this.#messages.next();
    return message === undefined ? 0 : Number(message.first.split(" ")[1]);
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
