/** The bus between the workers of one supervisor, which hands each message to all others. @module */
import type { Bus, PeerId } from "../gossip/mod.ts";
import { FRAME } from "./frame.ts";
import type { Link } from "./link.ts";
import type { MemberChange } from "./records.ts";

/** Longest message, in bytes. */
const MAX_MESSAGE = 64 * 1024;

/** Over a worker's link. */
export class LinkBus implements Bus {
  readonly self: PeerId;
  readonly #link: Pick<Link, "send">;
  /** The life of each peer: one that is started again is another peer. */
  readonly #peers = new Map<number, PeerId>();
  #onMessage: ((from: PeerId, message: Uint8Array) => void) | undefined;
  #onPeer: ((peer: PeerId, there: boolean) => void) | undefined;
  #dropped = 0;
  #closed = false;

  /** `self` is the worker's tag; `peers` are those that are there. */
  constructor(link: Pick<Link, "send">, self: PeerId, peers: readonly MemberChange[]) {
    this.#link = link;
    this.self = self;
    for (const peer of peers) this.tell(peer);
  }

  /** Messages that were too long. */
  get dropped(): number {
    return this.#dropped;
  }

  send(message: Uint8Array): void {
    if (this.#closed) return;
    if (message.length > MAX_MESSAGE) this.#dropped++;
    else this.#link.send(FRAME.tell, "loose", message);
  }

  onMessage(listener: (from: PeerId, message: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onPeer(listener: (peer: PeerId, there: boolean) => void): void {
    this.#onPeer = listener;
    for (const peer of this.#peers.values()) listener(peer, true);
  }

  /** A message has come: a byte for the number of its sender in front. Of one unknown, nothing is told. */
  take(payload: Uint8Array): void {
    const [number = 0] = payload;
    const from = this.#peers.get(number);
    if (from !== undefined && !this.#closed) this.#onMessage?.(from, payload.subarray(1));
  }

  /** A worker has come or gone. */
  tell({ number, life, there }: MemberChange): void {
    const before = this.#peers.get(number);
    if (before !== undefined) {
      this.#peers.delete(number);
      this.#onPeer?.(before, false);
    }
    if (!there) return;
    const peer = `${number}.${life}`;
    this.#peers.set(number, peer);
    this.#onPeer?.(peer, true);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}
