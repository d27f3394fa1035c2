/** Tells peers what holds here and hears what holds there, over any bus. @module */
import type { Clock, Logger, Random, Timer } from "../base/mod.ts";
import type { Bus, PeerId } from "./bus.ts";
import { type Head, LIVES, readMessage, writeAsk, writeBye } from "./message.ts";
import { tellMs, urgentMs } from "./pace.ts";
import { Peer } from "./peer.ts";
import type { Shared } from "./peer_table.ts";
import { isBefore } from "./rank.ts";
import { Teller, type Telling } from "./teller.ts";
import { WireWriter } from "./wire.ts";

/** A sign of life is given so often where there is nothing to tell, in milliseconds. */
export const SIGN_MS = 1_000;

/** A peer that is silent for longer is forgotten, in milliseconds. */
export const SILENT_MS = 3_000;

/** All that holds is told no more often than this, and asked of one peer no more often, in milliseconds. */
const ALL_MS = 250;
const ASK_MS = 500;

/** Whoever has been there for less leads nobody who has been for longer, in milliseconds. */
export const SETTLED_MS = 2_000;

/** Most peers: what others say is not listened to. */
export const MAX_PEERS = 256;

/** What gossip works with. */
export interface GossipDeps extends Shared {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly bus: Bus;
  /** Tells what holds here. */
  readonly gather: (telling: Telling) => void;
  /** Called when what holds here has been told, so that others know it soon. */
  readonly onTold?: () => void;
  /** The peer has gone, and what it has told is forgotten; what it had begun is nobody's. */
  readonly onGone?: (peer: PeerId) => void;
}

/** What has been sent and heard since the beginning. */
export interface GossipStats {
  sentMessages: number;
  sentBytes: number;
  heardMessages: number;
  heardBytes: number;
  /** Messages that were none, of another version, or of too many peers. */
  refused: number;
  /** Times that something was missing of what a peer has told. */
  gaps: number;
  /** Peers that were forgotten for their silence. */
  silent: number;
}

/** Gossips until it is disposed. */
export class Gossip implements Disposable {
  readonly #deps: GossipDeps;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #life: number;
  readonly #teller: Teller;
  readonly #wire = new WireWriter();
  readonly #stats: GossipStats = {
    sentMessages: 0,
    sentBytes: 0,
    heardMessages: 0,
    heardBytes: 0,
    refused: 0,
    gaps: 0,
    silent: 0,
  };
  #timer: Timer | undefined;
  #dueMs = Infinity;
  readonly #begunMs: number;
  #toldSettled = false;
  /** When it was told last, when anything was sent last, and when all was. */
  #toldMs: number;
  #sentMs = -Infinity;
  #allMs = -Infinity;
  #wanted = true;
  #ended = false;

  /** Begins at once, by telling all and asking everybody for it. */
  constructor(deps: GossipDeps) {
    this.#deps = deps;
    const { bus, random, clock } = deps;
    this.#life = Math.floor(random.next() * LIVES);
    this.#toldMs = this.#begunMs = clock.now();
    this.#teller = new Teller(this.#life, (message) => this.#send(message));
    bus.onMessage((from, message) => this.#heard(from, message));
    bus.onPeer((peer, there) => this.#changed(peer, there));
    writeAsk(this.#wire);
    this.#send(this.#wire.view());
    this.#arm(0);
  }

  /** Peers that are heard, by name. */
  get peers(): Iterable<PeerId> {
    return this.#peers.keys();
  }

  /** Routers that know of one another, this one among them. */
  get routers(): number {
    return this.#peers.size + 1;
  }

  /**
   * The router that decides what only one is to decide: the first by name of those that have been there
   * for a while, as they say themselves, as whoever comes has to hear first what is decided; of all where
   * all have just come. All who know the same agree.
   */
  get lead(): PeerId {
    let lead: PeerId = this.#deps.bus.self;
    let isSettled = this.#toldSettled;
    for (const [name, { settled }] of this.#peers) {
      if (settled === isSettled ? !isBefore(name, lead) : isSettled) continue;
      lead = name;
      isSettled = settled;
    }
    return lead;
  }

  /** What has been sent and heard. */
  get stats(): Readonly<GossipStats> {
    return this.#stats;
  }

  /** There is something to tell that others are to know at once. */
  hurry(): void {
    const { clock } = this.#deps;
    this.#arm(Math.max(0, this.#toldMs + urgentMs(this.routers) - clock.now()));
  }

  /** Take leave of peers; the bus stays open. */
  [Symbol.dispose](): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    writeBye(this.#wire, this.#life);
    this.#send(this.#wire.view());
    for (const name of [...this.#peers.keys()]) this.#forget(name);
  }

  /** Tell within `ms`, unless that is to happen before. */
  #arm(ms: number): void {
    const { clock } = this.#deps;
    const dueMs = clock.now() + ms;
    if (this.#ended || dueMs >= this.#dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.after(ms, () => {
      this.#dueMs = Infinity;
      this.#tell();
      this.#arm(tellMs(this.routers));
    });
  }

  #tell(): void {
    const { clock, gather, onTold } = this.#deps;
    const nowMs = clock.now();
    // While this router stood still, nobody can have been heard.
    const stoodMs = nowMs - this.#toldMs - tellMs(this.routers);
    if (stoodMs > SIGN_MS) { for (const peer of this.#peers.values()) peer.heardMs += stoodMs; }
    this.#toldMs = nowMs;
    this.#forgetSilent(nowMs);
    const all = this.#wanted && nowMs - this.#allMs >= ALL_MS;
    if (all) {
      this.#wanted = false;
      this.#allMs = nowMs;
    }
    const settled = nowMs - this.#begunMs >= SETTLED_MS;
    const sign = nowMs - this.#sentMs >= SIGN_MS || settled !== this.#toldSettled;
    this.#toldSettled = settled;
    this.#teller.tell(gather, { all, sign, settled });
    onTold?.();
  }

  #send(message: Uint8Array): void {
    const { bus, clock } = this.#deps;
    this.#stats.sentMessages++;
    this.#stats.sentBytes += message.length;
    this.#sentMs = clock.now();
    bus.send(message);
  }

  #heard(from: PeerId, message: Uint8Array): void {
    if (this.#ended || from === this.#deps.bus.self) return;
    this.#stats.heardMessages++;
    this.#stats.heardBytes += message.length;
    const head = readMessage(message);
    if (head === undefined) {
      this.#stats.refused++;
      return;
    }
    switch (head.kind) {
      case "update":
        return this.#update(from, head, message);
      case "ask":
        if (head.of !== undefined && head.of !== this.#deps.bus.self) return;
        this.#wanted = true;
        return this.hurry();
      case "bye":
        return this.#forget(from);
      default:
        return head satisfies never;
    }
  }

  #update(
    from: PeerId,
    head: Extract<Head, { readonly kind: "update" }>,
    message: Uint8Array,
  ): void {
    const nowMs = this.#deps.clock.now();
    const peer = this.#peers.get(from) ?? this.#meet(from, nowMs);
    if (peer === undefined) {
      this.#stats.refused++;
      return;
    }
    peer.heardMs = nowMs;
    const standing = peer.place(head);
    if (standing !== "old") peer.settled = head.settled;
    if (standing === "gap") this.#stats.gaps++;
    if (standing !== "old" && peer.takes) {
      readMessage(message, peer.table);
      peer.took(head);
    }
    if (peer.missing) this.#ask(from, peer, nowMs);
  }

  #meet(name: PeerId, nowMs: number): Peer | undefined {
    if (this.#peers.size >= MAX_PEERS) return undefined;
    const peer = new Peer(this.#deps, name, nowMs);
    this.#peers.set(name, peer);
    this.#deps.log.debug("A router beside this one is heard", { peer: name });
    return peer;
  }

  /** Again and again while something is missing, as a question can be lost. */
  #ask(name: PeerId, peer: Peer, nowMs: number): void {
    if (nowMs - peer.askedMs < ASK_MS) return;
    peer.askedMs = nowMs;
    writeAsk(this.#wire, name);
    this.#send(this.#wire.view());
  }

  /** The bus says that a peer has come or gone. */
  #changed(peer: PeerId, there: boolean): void {
    if (this.#ended) return;
    if (!there) return this.#forget(peer);
    this.#wanted = true;
    this.hurry();
  }

  #forgetSilent(nowMs: number): void {
    for (const [name, peer] of this.#peers) {
      if (nowMs - peer.heardMs <= SILENT_MS) continue;
      this.#stats.silent++;
      this.#deps.log.warning("A router beside this one is silent: what it has told is forgotten", {
        peer: name,
      });
      this.#forget(name);
    }
  }

  #forget(name: PeerId): void {
    const peer = this.#peers.get(name);
    if (peer === undefined) return;
    this.#peers.delete(name);
    peer.forget();
    this.#deps.log.debug("A router beside this one has gone", { peer: name });
    this.#deps.onGone?.(name);
  }
}
