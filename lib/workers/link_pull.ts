/** The supervisor's notification socket, as a worker has it: messages and peers come over the link. @module */
import { RouterError } from "../base/mod.ts";
import type { BindOptions, BindPull, PeerEvent, PullSocket } from "../zmq/mod.ts";
import type { Hello, SocketEvent } from "./records.ts";

/** Messages that wait for their reader: more than a worker can have asked for. */
const MAX_WAITING = 100_000;

/** What comes over the link for one socket at a time, which stands for the supervisor's. */
export class LinkPull {
  readonly #where: NonNullable<Hello["notifications"]>;
  #bound: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #socket: Socket | undefined;
  /** Those connected, told to each socket that comes. */
  readonly #peers = new Map<string, PeerEvent>();

  constructor(where: NonNullable<Hello["notifications"]>) {
    this.#where = where;
  }

  /** In place of binding a socket: waits until the supervisor has one. */
  readonly bind: BindPull = async (_address, { onPeer }) => {
    await this.#bound?.promise;
    const socket = new Socket(this.#where, onPeer);
    this.#socket = socket;
    for (const event of this.#peers.values()) socket.tell(event);
    return socket;
  };

  /** A message has come. */
  push(frame: Uint8Array): void {
    this.#socket?.push(frame);
  }

  /** Something has happened at the supervisor's socket. */
  tell(event: SocketEvent): void {
    switch (event.kind) {
      case "bound":
        this.#bound?.resolve();
        this.#bound = undefined;
        return;
      case "lost":
        this.#bound ??= Promise.withResolvers();
        this.#peers.clear();
        this.#socket?.fail();
        this.#socket = undefined;
        return;
      case "joined":
        this.#peers.set(event.peer, event);
        break;
      case "left":
      case "rejected":
        this.#peers.delete(event.peer);
        break;
      case "refused":
        break;
      default:
        event satisfies never;
    }
    this.#socket?.tell(event);
  }
}

class Socket implements PullSocket {
  readonly endpoint: string;
  readonly port: number;
  readonly #onPeer: BindOptions["onPeer"];
  /** How many of each name: a socket of libzmq does not tell one from another. */
  readonly #peers = new Map<string, number>();
  #waiting: Uint8Array[] = [];
  #wake: PromiseWithResolvers<void> | undefined;
  #closed = false;
  #failed = false;

  constructor(
    { endpoint, port }: NonNullable<Hello["notifications"]>,
    onPeer: BindOptions["onPeer"],
  ) {
    this.endpoint = endpoint;
    this.port = port;
    this.#onPeer = onPeer;
  }

  peers(): number {
    let peers = 0;
    for (const count of this.#peers.values()) peers += count;
    return peers;
  }

  async *frames(): AsyncGenerator<readonly Uint8Array[]> {
    while (!this.#closed) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const frame of waiting) yield [frame];
      if (this.#failed) {
        throw new RouterError("internal", "The supervisor's socket for notifications has failed");
      }
      if (this.#waiting.length > 0 || this.#closed) continue;
      await (this.#wake = Promise.withResolvers()).promise;
    }
  }

  push(frame: Uint8Array): void {
    if (this.#closed || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(frame);
    this.#wake?.resolve();
  }

  tell(event: PeerEvent): void {
    const { kind, peer } = event;
    const count = this.#peers.get(peer) ?? 0;
    if (kind === "joined") this.#peers.set(peer, count + 1);
    else if (kind !== "refused" && count > 1) this.#peers.set(peer, count - 1);
    else if (kind !== "refused") this.#peers.delete(peer);
    // The supervisor has counted and logged what it did not let in.
    this.#onPeer?.(echoOf(event));
  }

  fail(): void {
    this.#failed = true;
    this.#wake?.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#wake?.resolve();
    return Promise.resolve();
  }
}

function echoOf(
  event: PeerEvent,
): PeerEvent {
  if (event.kind === "refused") return { ...event, echo: true };
  const { peer } = event;
  return event.kind === "rejected" ? { kind: "left", peer, reason: event.reason } : event;
}
