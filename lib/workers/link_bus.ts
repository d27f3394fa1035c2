/** The bus between the workers of one supervisor, which hands each message to all others. @module */
import { type ClusterState, EVERYBODY, gossipIn } from "../cluster/mod.ts";
import type { Bus, PeerId } from "../gossip/mod.ts";
import { FRAME } from "./frame.ts";
import type { Link } from "./link.ts";
import { type MemberChange, type WorkerName, workerTag } from "./records.ts";

/** Longest message, in bytes. */
const MAX_MESSAGE = 64 * 1024;

/** Over a worker's link. */
export class LinkBus implements Bus {
  readonly #own: WorkerName;
  readonly #link: Pick<Link, "send">;
  #cluster: ClusterState | undefined;
  /** The life of each peer: one that is started again is another peer. */
  readonly #peers = new Map<number, PeerId>();
  #onMessage: ((from: PeerId, message: Uint8Array) => void) | undefined;
  #onPeer: ((peer: PeerId, there: boolean) => void) | undefined;
  #dropped = 0;
  #closed = false;

  /** `own` is the worker's own name; `peers` are those that are there. */
  constructor(
    link: Pick<Link, "send">,
    own: WorkerName,
    peers: readonly MemberChange[],
    cluster?: ClusterState | undefined,
  ) {
    this.#link = link;
    this.#own = own;
    this.#cluster = cluster;
    for (const peer of peers) this.tell(peer);
  }

  /** Its tag, behind that of its replica where there are several. */
  get self(): PeerId {
    return this.#nameOf(this.#own);
  }

  /** How the replica stands in its cluster; undefined where it is in none. */
  get cluster(): ClusterState | undefined {
    return this.#cluster;
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
    if (this.#cluster?.connected === true) listener(EVERYBODY, true);
  }

  /** A message has come: a byte for the number of its sender in front. Of one unknown, nothing is told. */
  take(payload: Uint8Array): void {
    const [number = 0] = payload;
    const from = this.#peers.get(number);
    if (from !== undefined && !this.#closed) this.#onMessage?.(from, payload.subarray(1));
  }

  /** A message of a router of another replica has come. */
  takeFar(payload: Uint8Array): void {
    const told = gossipIn(payload);
    if (told !== undefined && !this.#closed) this.#onMessage?.(told.from, told.message);
  }

  /** The replica stands in its cluster in another way: with another tag, workers have other names. */
  stand(cluster: ClusterState): void {
    const renamed = cluster.tag !== this.#cluster?.tag;
    this.#cluster = cluster;
    if (renamed) {
      for (const [number, before] of [...this.#peers]) {
        const [, life] = before.split(".").slice(-2);
        this.tell({ number, life: Number(life), there: true });
      }
    }
    if (cluster.connected) this.#onPeer?.(EVERYBODY, true);
  }

  /** A worker has come or gone. */
  tell({ number, life, there }: MemberChange): void {
    const before = this.#peers.get(number);
    if (before !== undefined) {
      this.#peers.delete(number);
      this.#onPeer?.(before, false);
    }
    if (!there) return;
    const peer = this.#nameOf({ number, life });
    this.#peers.set(number, peer);
    this.#onPeer?.(peer, true);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #nameOf(worker: WorkerName): PeerId {
    const tag = workerTag(worker);
    return this.#cluster === undefined ? tag : `${this.#cluster.tag}.${tag}`;
  }
}
