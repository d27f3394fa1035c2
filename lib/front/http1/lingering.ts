/**
 * The last of a connection whose client may still be sending what nobody reads: were it closed at once,
 * the client would be reset, and lose an answer it has not read yet.
 * @module
 */
import type { Intake } from "./intake.ts";
import type { FrontSocket } from "./socket.ts";

/** What a client may still send, and how long that may take, in milliseconds. */
export const MAX_LINGER_BYTES = 32 * 1024 * 1024;
export const LINGER_MS = 5_000;

/** Throws away what arrives until the client has closed; whoever makes it sees to the time. */
export class Lingering {
  readonly #intake: Intake;
  readonly #close: () => void;
  #dropped = 0;

  /** Begin. `close` is called when the client has sent too much, or is gone. */
  constructor(socket: FrontSocket, intake: Intake, close: () => void) {
    this.#intake = intake;
    this.#close = close;
    socket.closeWrite().catch(close);
    this.drop(0);
  }

  /** So many bytes have arrived. */
  drop(size: number): void {
    const { window } = this.#intake;
    window.start = window.end;
    this.#dropped += size;
    if (this.#dropped > MAX_LINGER_BYTES) this.#close();
    else this.#intake.listen();
  }
}
