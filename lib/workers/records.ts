/** What a supervisor and its workers tell one another, besides notifications and calls. @module */
import type { ClusterState } from "../cluster/mod.ts";
import type { PeerEvent } from "../zmq/mod.ts";

/** Where something listens. */
export interface Listening {
  readonly hostname: string;
  readonly port: number;
}

/** Which worker it is. */
export interface WorkerName {
  /** From 1 on; one that is started again has the number of the one before. */
  readonly number: number;
  /** How many have had the number, this one too. */
  readonly life: number;
}

/** What a worker is to be. */
export interface Hello extends WorkerName {
  /** How many there are to be. */
  readonly count: number;
  /** The ports that all share. */
  readonly port: number;
  readonly adminPort?: number | undefined;
  /** Where notifications arrive; absent where there are none. */
  readonly notifications?: { readonly endpoint: string; readonly port: number } | undefined;
  /** When their supervisor began, in Unix milliseconds by the clock that all of them have. */
  readonly begunMs: number;
  /** What all know and nobody else. */
  readonly secret: string;
  /** Files that could be read once alone, by their paths. */
  readonly files: readonly (readonly [path: string, text: string])[];
  /** The other workers that are there. */
  readonly peers: readonly MemberChange[];
  /** How the replica stands in its cluster; absent where it is in none. */
  readonly cluster?: ClusterState | undefined;
  /** What was changed by hand in those before, as the one who told it has written it. */
  readonly changes?: string | undefined;
}

/** How far a worker is. */
export type WorkerState =
  | {
    readonly kind: "serving";
    readonly address: Listening;
    readonly admin?: Listening | undefined;
  }
  /** It cannot start, and ends. */
  | { readonly kind: "failed"; readonly error: string };

/** What a worker is to do. */
export type Order =
  /** Take no more requests, and end when those under way have. */
  | { readonly kind: "stop"; readonly signal: string }
  /** End at once. */
  | { readonly kind: "end" }
  /** Read the configuration again. */
  | { readonly kind: "reload" };

/** A worker has come or gone. */
export interface MemberChange extends WorkerName {
  readonly there: boolean;
}

/** What happened at the notification socket: to a peer, or to all as it is another socket. */
export type SocketEvent = PeerEvent | { readonly kind: "lost" } | { readonly kind: "bound" };

/** What a worker is called in KV ids: whose life it is matters, as ids of one before are still about. */
export function workerTag({ number, life }: WorkerName): string {
  return `${number}.${life}`;
}

/** The worker that a tag names; undefined for a text that is none. */
export function workerOfTag(tag: string): WorkerName | undefined {
  const [, number, life] = /^([1-9]\d{0,3})\.([1-9]\d{0,8})$/.exec(tag) ?? [];
  return life === undefined ? undefined : { number: Number(number), life: Number(life) };
}
