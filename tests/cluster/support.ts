/** A broker within one process, for replicas of one test. @module */
import { seededRandom, silentLogger } from "../../lib/base/mod.ts";
import type { BrokerLink, OnBrokerMessage, OpenBroker } from "../../lib/cluster/broker.ts";
import { Cluster, type ClusterParts, type ClusterState } from "../../lib/cluster/cluster.ts";
import type { FakeClock } from "../support/fake_clock.ts";

/** How it behaves at the moment. */
type Mood = "well" | "refusing" | "frozen";

interface Member {
  readonly channels: Set<string>;
  readonly onMessage: OnBrokerMessage;
  readonly lose: (why: string) => void;
}

/** Hands messages on as a Redis does, and can be away. */
export class FakeBroker {
  readonly #clock: FakeClock;
  readonly #members = new Set<Member>();
  readonly #owners = new Map<string, { readonly owner: string; readonly untilMs: number }>();
  mood: Mood = "well";
  /** Connections that were asked for. */
  asked = 0;
  /** Messages published, by channel. */
  readonly published: string[] = [];

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** Connections at the moment. */
  get connections(): number {
    return this.#members.size;
  }

  /** Have `key` be somebody's. */
  own(key: string, owner: string, ttlMs: number): void {
    this.#owners.set(key, { owner, untilMs: this.#clock.now() + ttlMs });
  }

  /** Whose `key` is. */
  ownerOf(key: string): string | undefined {
    const found = this.#owners.get(key);
    return found !== undefined && found.untilMs > this.#clock.now() ? found.owner : undefined;
  }

  /** All connections break, and nothing is kept. */
  crash(): void {
    this.mood = "refusing";
    this.#owners.clear();
    for (const member of [...this.#members]) member.lose("it crashed");
  }

  readonly open: OpenBroker = (onMessage, signal) => {
    this.asked++;
    if (this.mood === "refusing") return Promise.reject(new Error("connection refused"));
    if (this.mood === "frozen") {
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true })
      );
    }
    return Promise.resolve(this.#link(onMessage));
  };

  #link(onMessage: OnBrokerMessage): BrokerLink {
    const lost = Promise.withResolvers<string>();
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => {});
    const end = (): void => {
      this.#members.delete(member);
      over.reject(new Error("the connection is closed"));
    };
    const member: Member = {
      channels: new Set(),
      onMessage,
      lose(why) {
        end();
        lost.resolve(why);
      },
    };
    this.#members.add(member);
    const does = <T>(work: () => T): Promise<T> => {
      if (!this.#members.has(member) || this.mood === "frozen") return over.promise;
      return Promise.resolve().then(work);
    };
    return {
      lost: lost.promise,
      publish: (channel, message) => {
        const copy = message.slice();
        return does(() => {
          this.published.push(channel);
          const takers = [...this.#members].filter(({ channels }) => channels.has(channel));
          for (const taker of takers) taker.onMessage(channel, copy);
          return takers.length;
        });
      },
      subscribe: (channel) => does(() => void member.channels.add(channel)),
      claim: (key, owner, ttlMs) =>
        does(() => {
          const found = this.ownerOf(key) ?? owner;
          if (found === owner) this.own(key, owner, ttlMs);
          return found;
        }),
      release: (key, owner) =>
        does(() => {
          if (this.ownerOf(key) === owner) this.#owners.delete(key);
        }),
      listeners: (channel) =>
        does(() => [...this.#members].filter(({ channels }) => channels.has(channel)).length),
      close() {
        end();
        return Promise.resolve();
      },
    };
  }
}

/** A replica, and what it has been told. */
export interface Told extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly notices: Uint8Array[];
  readonly gossip: (readonly [from: string, message: Uint8Array])[];
  readonly states: ClusterState[];
}

/** A replica that has been started. */
export function startReplica(
  broker: FakeBroker,
  clock: FakeClock,
  seed: number,
  parts: Partial<ClusterParts> = {},
): Told {
  const random = seededRandom(seed);
  const base = { clock, random, log: silentLogger(), open: broker.open, name: "t", at: "fake" };
  const cluster = new Cluster({ ...base, ...parts });
  const told: Told = {
    cluster,
    notices: [],
    gossip: [],
    states: [],
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
  cluster.listen({
    notice: (frame) => void told.notices.push(frame.slice()),
    gossip: (from, message) => void told.gossip.push([from, message.slice()]),
    change: (state) => void told.states.push(state),
  });
  cluster.start();
  return told;
}
