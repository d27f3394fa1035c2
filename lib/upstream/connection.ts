/**
 * One connection to an engine: its socket, its read buffer, its time limit.
 *
 * Knows when it waits and for how long, but nothing of heads, bodies or framing.
 * @module
 */
import type { Clock, TurnMeter } from "../base/mod.ts";
import { ByteWindow } from "../http1/mod.ts";
import type { Socket } from "./dial.ts";
import { Deadline } from "./deadline.ts";
import type { Origin } from "./origin.ts";
import { LostConnection, timedOut } from "./problems.ts";
import type { EncodedRequest } from "./request_head.ts";
import { MAX_HEAD_BYTES } from "./head.ts";

/** What is read into at first: an event is smaller, and a thousand streams have as many of these. */
const FIRST_BYTES = 4 * 1024;

/** Up to so many bytes it is the read that counts, as of an event; beyond, it is the bytes. */
const SMALL_READ_BYTES = 2 * 1024;

/** What a connection waits for. */
type Phase = "idle" | "response head" | "response body";

/**
 * A connection serves one request at a time. Between requests a read is kept pending, so that an
 * engine closing the connection is seen at once and not by the next request.
 */
export class Connection {
  readonly origin: Origin;
  readonly window = new ByteWindow(FIRST_BYTES, MAX_HEAD_BYTES);
  readonly #socket: Socket;
  readonly #onClosed: (connection: Connection) => void;
  readonly #turns: TurnMeter;
  readonly #reads: TurnMeter;
  readonly #deadline: Deadline;
  #phase: Phase = "idle";
  #limitMs = 0;
  #pendingRead: Promise<number | null> | undefined;
  #writing = false;
  #received = false;
  #reason: Error | undefined;

  /** Shared with other connections: `turns` counts bytes that are read, `reads` small reads of bodies. */
  constructor(
    socket: Socket,
    origin: Origin,
    { clock, turns, reads }: {
      readonly clock: Clock;
      readonly turns: TurnMeter;
      readonly reads: TurnMeter;
    },
    onClosed: (connection: Connection) => void,
  ) {
    this.#socket = socket;
    this.origin = origin;
    this.#onClosed = onClosed;
    this.#turns = turns;
    this.#reads = reads;
    this.#deadline = new Deadline(clock, () => this.#expired());
  }

  /** True when the connection is of no further use. */
  get closed(): boolean {
    return this.#reason !== undefined;
  }

  /** True when bytes of the current response have arrived. */
  get received(): boolean {
    return this.#received;
  }

  /** True while the head of a response is waited for. */
  get waiting(): boolean {
    return this.#phase === "response head";
  }

  /** True while parts of the current request have not been written. */
  get writing(): boolean {
    return this.#writing;
  }

  /**
   * Start writing a request; does not wait, since an engine may answer before it has read all.
   * A failed write is left to the read that follows: what an engine sent before it closed counts.
   * @param limitMs Longest wait for the response head once bytes have been written last.
   */
  startRequest(request: EncodedRequest, limitMs: number): void {
    this.#phase = "response head";
    this.#limitMs = limitMs;
    this.#received = false;
    this.#writing = true;
    this.#deadline.set(limitMs);
    this.#write(request).catch(() => {
      // The connection is lost, which the pending read reports after what came before.
    });
  }

  /** The head is complete: from here on each wait is for the body, no longer than `limitMs`. */
  startBody(limitMs: number): void {
    this.#phase = "response body";
    this.#limitMs = limitMs;
    this.#deadline.clear();
  }

  /**
   * Waits for more bytes in the window; false at the connection's end. Rejects with the error given
   * to `close`, or with `LostConnection`.
   */
  async fill(): Promise<boolean> {
    const body = this.#phase === "response body";
    if (body) this.#deadline.set(this.#limitMs);
    try {
      for (;;) {
        const pending = this.#pendingRead ?? this.#socket.read(this.window.space());
        this.#pendingRead = undefined;
        const size = await pending;
        if (this.#reason !== undefined) throw this.#reason;
        if (size === 0) continue;
        // A reader that is slow to come back is not the engine's silence.
        if (body) this.#deadline.clear();
        if (size === null) return false;
        this.window.end += size;
        this.#received = true;
        // What has arrived is read without the event loop going round, megabytes of it, and worked on.
        const small = body && size <= SMALL_READ_BYTES;
        const turn = small ? this.#reads.spend(1) : this.#turns.spend(size);
        if (turn === undefined) return true;
        await turn;
        if (this.#reason !== undefined) throw this.#reason;
        return true;
      }
    } catch (error) {
      throw this.#reason ?? new LostConnection("connection lost", { cause: error });
    }
  }

  /** Keep the connection for another request, for at most `maxIdleMs`. Its window must be empty. */
  rest(maxIdleMs: number): void {
    this.#phase = "idle";
    this.#deadline.set(maxIdleMs);
    this.#pendingRead = this.#socket.read(this.window.space());
    this.#pendingRead.then(this.#onIdleEvent, this.#onIdleEvent);
  }

  /** Ends all that is pending, which rejects with `reason`. Later calls do nothing. */
  close(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#deadline[Symbol.dispose]();
    this.#socket.close();
    this.#onClosed(this);
  }

  async #write(request: EncodedRequest): Promise<void> {
    const { first, rest } = request;
    const written = await this.#socket.write(first);
    if (this.#phase === "response head") this.#deadline.set(this.#limitMs);
    // Nearly every request leaves in one write.
    if (written < first.length) await this.#writeAll(first.subarray(written));
    for (const part of rest) await this.#writeAll(part);
    this.#writing = false;
  }

  async #writeAll(data: Uint8Array): Promise<void> {
    let written = 0;
    while (written < data.length) {
      written += await this.#socket.write(written === 0 ? data : data.subarray(written));
      // Once the head is here, the time limit is no longer this one's.
      if (this.#phase === "response head") this.#deadline.set(this.#limitMs);
    }
  }

  /** The engine ended the connection, or spoke unasked: neither leaves it usable. */
  readonly #onIdleEvent = (): void => {
    if (this.#phase === "idle") this.close(new LostConnection("closed while idle"));
  };

  #expired(): void {
    this.close(
      this.#phase === "idle"
        ? new LostConnection("idle for too long")
        : timedOut(this.origin, this.#phase, this.#limitMs),
    );
  }
}
