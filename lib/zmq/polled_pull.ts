/** A PULL socket over a native one that is looked at again and again, as it cannot call. @module */
import { type Clock, type Lease, sleep } from "../base/mod.ts";
import { ALWAYS, type Demand } from "./demand.ts";
import { MessageQueue } from "./message_queue.ts";
import { type NativeEvent, NativePeers } from "./native_peers.ts";
import { MESSAGE_LIMITS, QUEUE_LIMIT } from "./pull_limits.ts";
import type { BindOptions, PeerEvent, PullSocket } from "./pull_socket.ts";

/** Pause between looks while somebody waits for a message, in milliseconds. */
export const BUSY_POLL_MS = 1;

/** Pause between looks while nobody does, in milliseconds: early messages are still taken. */
export const IDLE_POLL_MS = 50;

/** Messages taken in one look; a flood lets everything else have its turn after as many. */
export const MAX_TAKEN = 256;

/** Longest wait for a closed socket's port to be free, in milliseconds; it takes about 3. */
export const CLOSE_TIMEOUT_MS = 1000;

/** The part of the addon's bound PULL socket used here. */
export interface NativePull {
  /** Where it is bound, e.g. `tcp://127.0.0.1:7500`. */
  readonly lastEndpoint: string | null;
  /** Whether there is a message. */
  readonly readable: boolean;
  /** The next message; never waits for one, and rejects when there is none. */
  receive(): Promise<readonly Uint8Array[]>;
  /** Begin to close; `events` tells the end, when the port is free. */
  close(): void;
  /** What happens to the socket and its connections; the last event is `end`. */
  readonly events: { receive(): Promise<NativeEvent> };
}

/** A PULL socket on a native one that is bound already; it belongs to the socket from here on. */
export function pollPull(native: NativePull, options: BindOptions): PullSocket {
  return new PolledPullSocket(native, options);
}

class PolledPullSocket implements PullSocket {
  readonly endpoint: string;
  readonly port: number;
  readonly #native: NativePull;
  readonly #clock: Clock;
  readonly #demand: Demand;
  readonly #onPeer: (event: PeerEvent) => void;
  readonly #peers: NativePeers;
  readonly #queue = new MessageQueue<readonly Uint8Array[]>(QUEUE_LIMIT);
  readonly #wakeUp: Lease;
  readonly #polling: Promise<void>;
  readonly #watching: Promise<void>;
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    native: NativePull,
    { clock, onPeer = () => {}, demand = ALWAYS, peers }: BindOptions,
  ) {
    this.endpoint = native.lastEndpoint ?? "";
    this.port = Number(this.endpoint.slice(this.endpoint.lastIndexOf(":") + 1));
    this.#native = native;
    this.#clock = clock;
    this.#demand = demand;
    this.#onPeer = onPeer;
    this.#peers = new NativePeers(onPeer, (peers?.allow.length ?? 0) > 0);
    this.#wakeUp = demand.onWaiting(() => this.#wake?.());
    this.#polling = this.#poll();
    this.#watching = this.#watch();
  }

  peers(): number {
    return this.#queue.closed ? 0 : this.#peers.count;
  }

  frames(): AsyncIterable<readonly Uint8Array[]> {
    return this.#queue.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#wakeUp.release();
    this.#queue.close();
    this.#wake?.();
    await this.#polling;
    this.#native.close();
    const limit = new AbortController();
    await Promise.race([
      this.#watching,
      sleep(this.#clock, CLOSE_TIMEOUT_MS, limit.signal),
    ]);
    limit.abort();
  }

  async #poll(): Promise<void> {
    try {
      while (!this.#queue.closed) {
        const more = await this.#takeSome();
        await this.#queue.room();
        await this.#pause(more ? 0 : this.#demand.waiting ? BUSY_POLL_MS : IDLE_POLL_MS);
      }
    } catch (error) {
      this.#queue.fail(error);
    }
  }

  /** Take what there is, within bounds; whether there may be more. */
  async #takeSome(): Promise<boolean> {
    for (let taken = 0; taken < MAX_TAKEN; taken++) {
      if (this.#queue.full) return true;
      if (this.#queue.closed || !this.#native.readable) return false;
      const frames = await this.#native.receive();
      const problem = limitProblem(frames);
      if (problem === undefined) this.#queue.push(frames);
      else this.#onPeer({ kind: "rejected", peer: "unknown", reason: problem });
    }
    return true;
  }

  /** Resolves after `ms`, or at once when waiting begins or the socket is closed. */
  #pause(ms: number): Promise<void> {
    if (this.#queue.closed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#clock.after(ms, wake);
      this.#wake = wake;
    });
  }

  async #watch(): Promise<void> {
    try {
      for (;;) {
        const event = await this.#native.events.receive();
        if (event.type === "end") return;
        this.#peers.take(event);
      }
    } catch (error) {
      this.#queue.fail(error);
    }
  }
}

/** Why a message is dropped, or undefined: the addon bounds the size of a frame alone. */
function limitProblem(frames: readonly Uint8Array[]): string | undefined {
  const { maxFrames, maxMessageBytes } = MESSAGE_LIMITS;
  if (frames.length > maxFrames) return `dropped a message of over ${maxFrames} frames`;
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
  return bytes > maxMessageBytes ? `dropped a message of over ${maxMessageBytes} bytes` : undefined;
}
