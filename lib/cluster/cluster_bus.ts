/** The bus between replicas of one process each. @module */
import type { Bus, PeerId } from "../gossip/mod.ts";
import type { Cluster } from "./cluster.ts";

/** Over the broker. */
export class ClusterBus implements Bus {
  readonly #cluster: Pick<Cluster, "tag" | "tell" | "connected">;
  #onMessage: ((from: PeerId, message: Uint8Array) => void) | undefined;
  #onPeer: ((peer: PeerId, there: boolean) => void) | undefined;
  #closed = false;

  constructor(cluster: Pick<Cluster, "tag" | "tell" | "connected">) {
    this.#cluster = cluster;
  }

  get self(): PeerId {
    return this.#cluster.tag;
  }

  send(message: Uint8Array): void {
    if (!this.#closed) this.#cluster.tell(this.self, message);
  }

  onMessage(listener: (from: PeerId, message: Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onPeer(listener: (peer: PeerId, there: boolean) => void): void {
    this.#onPeer = listener;
    this.changed();
  }

  /** A message has come. */
  take(from: PeerId, message: Uint8Array): void {
    if (!this.#closed) this.#onMessage?.(from, message);
  }

  /** The broker was reached, or lost: whoever is there is to be told all, and is forgotten when silent. */
  changed(): void {
    if (!this.#closed && this.#cluster.connected) this.#onPeer?.(EVERYBODY, true);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

/** Nobody's name: who is there, is not known before they speak. */
export const EVERYBODY: PeerId = "0";
