/** One replica of several that are joined by a broker: connects, stays connected, and is known by a tag. @module */
import {
  BoundedSet,
  type Clock,
  describeError,
  every,
  type Logger,
  type Random,
  sleep,
  type Timer,
} from "../base/mod.ts";
import type { PeerId } from "../gossip/mod.ts";
import { Backoff } from "./backoff.ts";
import type { BrokerLink, OpenBroker } from "./broker.ts";
import { echoBytes, envelopeIn, gossipBytes, gossipIn, MAX_NUMBER } from "./envelope.ts";
import { Lifeline } from "./lifeline.ts";
import { NoticePost } from "./notice_post.ts";
import { Replicas } from "./replicas.ts";
import { makeTag, replicaIn } from "./tag.ts";

/** Longest wait for a connection that is ready, in milliseconds. */
export const CONNECT_MS = 2_000;

/** A tag is claimed for so long, and again so often, in milliseconds. */
export const LEASE_MS = 15_000;
export const RENEW_MS = 3_000;

/** Tags that were somebody else's, and are listened to for the requests that carry them. */
const MAX_FORMER = 8;

/** Bytes of gossip that the broker has not taken yet: more is left out, and asked for again by peers. */
export const MAX_GOSSIP_BYTES = 1024 * 1024;

/** Notifications that are remembered, in case they come twice. */
const MAX_SEEN = 65_536;

/** What a replica works with. */
export interface ClusterParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly open: OpenBroker;
  /** What all replicas of one cluster have in common, in front of keys and channels. */
  readonly name: string;
  /** Where the broker is, for the log. */
  readonly at: string;
}

/** How a replica stands. */
export interface ClusterState {
  readonly tag: string;
  readonly connected: boolean;
}

/** What has happened since the start, beside notifications. */
export interface ClusterStats {
  /** Connections that were lost. */
  losses: number;
  /** Notifications that came from other replicas, and those of them that had come before. */
  received: number;
  repeated: number;
  /** Messages of gossip that were left out, as the broker took none. */
  unsent: number;
  /** What was no message of a replica's. */
  refused: number;
}

/** Told of what comes. None may throw, and none may keep the bytes. */
export interface ClusterListener {
  /** A notification that another replica has got. */
  notice(frame: Uint8Array): void;
  /** What a router of another replica tells. */
  gossip(from: PeerId, message: Uint8Array): void;
  /** It was connected or lost, or has another tag. */
  change(state: ClusterState): void;
}

/** A replica, from `start` until it is disposed. */
export class Cluster implements AsyncDisposable {
  readonly #parts: ClusterParts;
  readonly #owner: string;
  readonly #post: NoticePost;
  readonly #seen = new BoundedSet(MAX_SEEN);
  readonly #replicas: Replicas;
  readonly #closing = new AbortController();
  readonly #stats: ClusterStats = {
    losses: 0,
    received: 0,
    repeated: 0,
    unsent: 0,
    refused: 0,
  };
  #tag: string;
  readonly #former: string[] = [];
  #link: BrokerLink | undefined;
  #lifeline: Lifeline | undefined;
  #listener: ClusterListener | undefined;
  #running: Promise<void> | undefined;
  /** Of the connection in use. */
  #untaken = { bytes: 0 };

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    const { random, clock } = parts;
    this.#owner = random.uuid();
    this.#tag = makeTag(random);
    this.#post = new NoticePost(clock, Math.floor(random.next() * MAX_NUMBER));
    this.#replicas = new Replicas(clock);
  }

  /** What this replica is called. */
  get tag(): string {
    return this.#tag;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  get stats(): Readonly<ClusterStats> {
    return this.#stats;
  }

  get post(): NoticePost["stats"] {
    return this.#post.stats;
  }

  /** Replicas that were heard lately, this one among them. */
  get replicas(): number {
    return 1 + this.#replicas.count;
  }

  /** How long a message to itself takes, in milliseconds; undefined where none has come back. */
  get echoMs(): number | undefined {
    return this.#lifeline?.echoMs;
  }

  /** Have `listener`, one at most, told from here on. */
  listen(listener: ClusterListener): void {
    this.#listener = listener;
  }

  /** Connect, and stay connected. Waits for nothing: without the broker, the replica is alone. */
  start(): void {
    this.#running ??= this.#run();
  }

  /**
   * Hand a notification over to the replica that is called `tag`. One with a tag that this replica has had
   * goes to whoever has it, and comes back here as well.
   */
  handOver(tag: string, frame: Uint8Array): void {
    this.#post.send(this.#channelOf(tag), this.#tag, frame);
  }

  /** Tell routers of all other replicas, in the name of `from`, which begins with this replica's tag. */
  tell(from: PeerId, message: Uint8Array): void {
    const bytes = gossipBytes(from, message);
    const link = this.#link;
    if (link === undefined) return;
    const untaken = this.#untaken;
    if (untaken.bytes + bytes.length > MAX_GOSSIP_BYTES) {
      this.#stats.unsent++;
      return;
    }
    untaken.bytes += bytes.length;
    // One that is lost is asked for again by whoever misses it.
    const taken = (): void => void (untaken.bytes -= bytes.length);
    link.publish(this.#gossipChannel, bytes).then(taken, taken);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#post[Symbol.dispose]();
    await this.#running;
  }

  get #gossipChannel(): string {
    return `${this.#parts.name}:gossip`;
  }

  #channelOf(tag: string): string {
    return `${this.#parts.name}:to:${tag}`;
  }

  #keyOf(tag: string): string {
    return `${this.#parts.name}:replica:${tag}`;
  }

  async #run(): Promise<void> {
    const { clock, random, log, at } = this.#parts;
    const { signal } = this.#closing;
    const backoff = new Backoff(random);
    let aloneSince = clock.now();
    let told = false;
    while (!signal.aborted) {
      const link = await this.#connect();
      if (typeof link === "string") {
        if (!told && !signal.aborted) {
          log.warning(`The cluster at ${at} cannot be reached: this router goes by itself`, {
            error: link,
          });
        }
        told = true;
      } else {
        const connectedMs = clock.now();
        log.info(`Joined the cluster at ${at}`, {
          replica: this.#tag,
          ...(told ? { alone_s: Math.round((connectedMs - aloneSince) / 1000) } : {}),
        });
        const why = await this.#stay(link);
        aloneSince = clock.now();
        if (aloneSince - connectedMs > LEASE_MS) backoff.reset();
        if (signal.aborted) return;
        this.#stats.losses++;
        log.warning(`The cluster at ${at} is lost: this router goes by itself`, { error: why });
        told = true;
      }
      await sleep(clock, backoff.next(), signal);
    }
  }

  /** A connection on which everything is listened to, or why there is none. */
  async #connect(): Promise<BrokerLink | string> {
    const { clock, open } = this.#parts;
    const late = new AbortController();
    using _timer = clock.after(CONNECT_MS, () => late.abort());
    const signal = AbortSignal.any([late.signal, this.#closing.signal]);
    let link: BrokerLink | undefined;
    try {
      link = await open((channel, message) => this.#heard(channel, message), signal);
      const channels = [
        this.#gossipChannel,
        ...[this.#tag, ...this.#former].map((tag) => this.#channelOf(tag)),
      ];
      await within(
        signal,
        (async () => {
          for (const channel of channels) await link?.subscribe(channel);
          await this.#claim(link);
        })(),
      );
      return link;
    } catch (error) {
      await link?.close();
      return late.signal.aborted ? `no answer within ${CONNECT_MS / 1000} s` : describeError(error);
    }
  }

  /** Use `link` until it is lost, which is what it resolves to, or the replica is disposed. */
  async #stay(link: BrokerLink): Promise<string> {
    const { clock } = this.#parts;
    const { signal } = this.#closing;
    const deaf = Promise.withResolvers<string>();
    const lifeline = new Lifeline({
      clock,
      send: (number) => {
        // A link that fails says so by itself.
        link.publish(this.#channelOf(this.#tag), echoBytes(number)).catch(() => {});
      },
      onDeaf: () => deaf.resolve("messages to itself do not come back"),
    });
    const renewing: Timer = every(clock, RENEW_MS, () => this.#renew(link));
    this.#link = link;
    this.#lifeline = lifeline;
    this.#post.use(link);
    this.#tellChange();
    const closing = Promise.withResolvers<string>();
    const end = (): void => closing.resolve("");
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const why = await Promise.race([link.lost, deaf.promise, closing.promise]);
    signal.removeEventListener("abort", end);
    renewing.cancel();
    lifeline[Symbol.dispose]();
    this.#link = undefined;
    this.#lifeline = undefined;
    this.#untaken = { bytes: 0 };
    this.#post.use(undefined);
    if (signal.aborted) await this.#leave(link);
    this.#tellChange();
    await link.close();
    return why;
  }

  /** Give the tag back, if that goes at once: else it is free after its time. */
  async #leave(link: BrokerLink): Promise<void> {
    const { clock } = this.#parts;
    const late = new AbortController();
    await Promise.race([
      link.release(this.#keyOf(this.#tag), this.#owner).catch(() => {}),
      sleep(clock, 500, late.signal),
    ]);
    late.abort();
  }

  async #renew(link: BrokerLink): Promise<void> {
    try {
      await this.#claim(link);
    } catch {
      // The link is lost, which is seen to elsewhere.
    }
  }

  /** Have the tag be this replica's, or take another where it is somebody else's. Rejects as the link does. */
  async #claim(link: BrokerLink): Promise<void> {
    for (;;) {
      const owner = await link.claim(this.#keyOf(this.#tag), this.#owner, LEASE_MS);
      if (owner === this.#owner) return;
      const former = this.#tag;
      const tag = makeTag(this.#parts.random);
      // Listened to before it is in any id.
      await link.subscribe(this.#channelOf(tag));
      this.#tag = tag;
      this.#former.unshift(former);
      this.#former.length = Math.min(this.#former.length, MAX_FORMER);
      this.#parts.log.warning("Another router has this one's tag: it takes another", {
        former,
        replica: this.#tag,
      });
      if (this.#link === link) this.#tellChange();
    }
  }

  #heard(channel: string, message: Uint8Array): void {
    if (channel === this.#gossipChannel) return this.#heardGossip(message);
    const envelope = envelopeIn(message);
    switch (envelope?.kind) {
      case "echo":
        return this.#lifeline?.heard(envelope.number);
      case "notice":
        this.#stats.received++;
        if (this.#seen.add(`${envelope.from}${envelope.number}`)) {
          this.#listener?.notice(envelope.frame);
        } else this.#stats.repeated++;
        return;
      case undefined:
        this.#stats.refused++;
        return;
      default:
        return envelope satisfies never;
    }
  }

  #heardGossip(bytes: Uint8Array): void {
    const told = gossipIn(bytes);
    const replica = replicaIn(told?.from ?? "");
    if (told === undefined || replica === undefined) {
      this.#stats.refused++;
      return;
    }
    if (replica === this.#tag) return;
    this.#replicas.heard(replica);
    this.#listener?.gossip(told.from, told.message);
  }

  #tellChange(): void {
    this.#listener?.change({ tag: this.#tag, connected: this.connected });
  }
}

/** What `work` comes to; rejects when `signal` aborts before. */
function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(new Error("It took too long"));
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
