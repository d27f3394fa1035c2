/** Turns of the event loop, told by a socket: a timer takes a hundred times as long. @module */
import type { LoopTurns, Timer } from "./clock.ts";

/** Two ends of a connection of the process with itself. */
export interface TurnPair {
  readonly reader: Pick<Deno.Conn, "read" | "close">;
  readonly writer: Pick<Deno.Conn, "write" | "close">;
}

/** Its content says nothing: that it comes does. */
const BYTE = new Uint8Array(1);

interface Waiter {
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * A byte that the process sends to itself comes back when the loop has asked the system which sockets
 * are ready, and so has seen all the others that were. That is what a turn is here: some 0.01 ms of an
 * idle loop, of which a timer of no delay takes 2.2, and an immediate or a message to oneself can come
 * again and again without a look at any socket (Deno 2.9.6).
 *
 * The connection is opened when a turn is first asked for. Where there is none, and from when it is
 * lost on, timers have to do.
 */
export class SocketTurns implements LoopTurns, Disposable {
  readonly #open: () => Promise<TurnPair>;
  #state: "unopened" | "opening" | "open" | "gone" = "unopened";
  #pair: TurnPair | undefined;
  #waiting: Waiter[] = [];

  /** `open` makes the connection; its rejection means that there is none to have. */
  constructor(open: () => Promise<TurnPair> = openTurnPair) {
    this.#open = open;
  }

  next(run: () => void): Timer | undefined {
    if (this.#pair === undefined) {
      if (this.#state === "unopened") void this.#serve();
      return undefined;
    }
    const waiter = { run, cancelled: false };
    // One byte is under way at most, whoever waits.
    if (this.#waiting.push(waiter) === 1) this.#send(this.#pair);
    const cancel = (): void => {
      waiter.cancelled = true;
    };
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** Closes the connection. Who waits is not called any more. */
  [Symbol.dispose](): void {
    this.#waiting = [];
    this.#end();
  }

  async #serve(): Promise<void> {
    this.#state = "opening";
    const pair = await this.#open().catch(() => undefined);
    if (pair === undefined) return this.#end();
    // Disposed of meanwhile.
    if (this.#state !== "opening") return close(pair);
    this.#state = "open";
    this.#pair = pair;
    // Longer than what comes: behind a read that fills its buffer, the platform tries the next one
    // without having asked the system.
    const bytes = new Uint8Array(BYTE.length + 1);
    // Closed, by whomever: timers have to do.
    while ((await pair.reader.read(bytes).catch(() => null)) !== null) this.#turn();
    this.#end();
  }

  #send(pair: TurnPair): void {
    pair.writer.write(BYTE).catch(() => this.#end());
  }

  #turn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const waiter of waiting) {
      if (waiter.cancelled) continue;
      try {
        waiter.run();
      } catch (error) {
        // As one that a timer calls: the others are called all the same.
        reportError(error);
      }
    }
  }

  #end(): void {
    this.#state = "gone";
    const pair = this.#pair;
    this.#pair = undefined;
    if (pair !== undefined) close(pair);
    // Not from within a call of whoever asks.
    if (this.#waiting.length > 0) setTimeout(() => this.#turn(), 0);
  }
}

function close({ reader, writer }: TurnPair): void {
  reader.close();
  writer.close();
}

/**
 * A connection of the process with itself, by a Unix socket of Linux's abstract names: it needs no
 * file, and no permission beside the network's. Rejects where there is none to have, and where
 * somebody else was faster to connect.
 */
export async function openTurnPair(): Promise<TurnPair> {
  // Nobody else knows it, and it is gone with the listener.
  const name = crypto.randomUUID();
  const path = `\0pd-router-${name}`;
  using listener = Deno.listen({ transport: "unix", path });
  const writer = await Deno.connect({ transport: "unix", path });
  try {
    const reader = await listener.accept();
    try {
      await writer.write(new TextEncoder().encode(name));
      const said = new Uint8Array(name.length);
      for (let at = 0; at < said.length;) {
        const size = await reader.read(said.subarray(at));
        if (size === null) break;
        at += size;
      }
      if (new TextDecoder().decode(said) !== name) throw new Error("connected by somebody else");
      return { reader, writer };
    } catch (error) {
      reader.close();
      throw error;
    }
  } catch (error) {
    writer.close();
    throw error;
  }
}
