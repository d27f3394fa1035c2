/** The supervisor's notification socket: each notification goes to the worker that waits for it. @module */
import { type Cluster, replicaIn, withinReplica } from "../cluster/mod.ts";
import { tagOf } from "../kv/mod.ts";
import {
  ALWAYS,
  type BindPull,
  decodeNotice,
  type Demand,
  type Notice,
  type NoticeResult,
} from "../zmq/mod.ts";
import { encodeJson } from "./codec.ts";
import { FRAME } from "./frame.ts";
import { type SocketEvent, workerOfTag } from "./records.ts";
import type { WorkerSlot } from "./worker_slot.ts";

/** A worker, as far as notifications go. */
export type NoticeWorker = Pick<WorkerSlot, "number" | "life" | "state" | "send">;

/** What became of a notification before any worker has seen it, as a metric label. */
export type DeskResult = Exclude<NoticeResult, "counted"> | "unrouted";

/** Peers remembered for workers that are started later. */
const MAX_PEERS = 16_384;

/** Hands notifications on by the tags of their ids, and tells workers who is connected. */
export class NoticeDesk {
  /** Somebody may wait in any of the processes. */
  readonly demand: Demand = ALWAYS;
  readonly #workers: readonly NoticeWorker[];
  readonly #cluster: Pick<Cluster, "tag" | "handOver"> | undefined;
  readonly #counts = new Map<DeskResult, number>();
  /** Peers that are connected, and the last refusal of others, as they were told. */
  readonly #peers = new Map<string, SocketEvent>();
  #bound = false;
  #handedOn = 0;

  /** `cluster`: where notifications for other replicas go; absent where there are none. */
  constructor(
    workers: readonly NoticeWorker[],
    cluster?: Pick<Cluster, "tag" | "handOver"> | undefined,
  ) {
    this.#workers = workers;
    this.#cluster = cluster;
  }

  /** Notifications that no worker has seen, by why. */
  get counts(): ReadonlyMap<DeskResult, number> {
    return this.#counts;
  }

  /** Notifications that were handed on. */
  get handedOn(): number {
    return this.#handedOn;
  }

  /** Take one that was read of `frames`. */
  accept(notice: Notice, frames: readonly Uint8Array[]): NoticeResult {
    switch (notice.kind) {
      case "garbage":
        return this.#count("garbage");
      case "unknown":
        return this.#count("unknown-type");
      case "kv-ready":
      case "cancelled":
        return this.#route(notice.reqId, frames);
      default:
        return notice satisfies never;
    }
  }

  /** Take one that another replica has got. */
  take(frame: Uint8Array): void {
    const notice = decodeNotice([frame]);
    if ("reqId" in notice) this.#routeHere(tagOf(notice.reqId) ?? "", frame);
    else this.accept(notice, [frame]);
  }

  /** A socket that is bound by `bind`, whose peers all workers are told of. */
  binder(bind: BindPull): BindPull {
    return async (address, options) => {
      const socket = await bind(address, {
        ...options,
        onPeer: (event) => {
          options.onPeer?.(event);
          this.#note(event);
        },
      });
      this.#note({ kind: "bound" });
      return {
        endpoint: socket.endpoint,
        port: socket.port,
        peers: () => socket.peers(),
        frames: () => socket.frames(),
        [Symbol.asyncDispose]: () => {
          this.#note({ kind: "lost" });
          return socket[Symbol.asyncDispose]();
        },
      };
    };
  }

  /** Tell `worker`, which has begun, what all others know. */
  introduce(worker: NoticeWorker): void {
    if (!this.#bound) return;
    send(worker, { kind: "bound" });
    for (const event of this.#peers.values()) send(worker, event);
  }

  #route(id: string, [frame]: readonly Uint8Array[]): NoticeResult {
    const tag = tagOf(id) ?? "";
    const replica = replicaIn(tag);
    const cluster = this.#cluster;
    if (
      cluster === undefined || replica === undefined || replica === cluster.tag ||
      frame === undefined
    ) return this.#routeHere(tag, frame);
    cluster.handOver(replica, frame);
    return "counted";
  }

  #routeHere(tag: string, frame: Uint8Array | undefined): NoticeResult {
    const name = workerOfTag(replicaIn(tag) === undefined ? tag : withinReplica(tag));
    const worker = name && this.#workers[name.number - 1];
    if (name === undefined || worker === undefined || frame === undefined) {
      this.#count("unrouted");
      return "late";
    }
    // Of one that has gone, or of one that was there before it.
    if (worker.life !== name.life || worker.state === "waiting" || worker.state === "ended") {
      return this.#count("late");
    }
    this.#handedOn++;
    worker.send(FRAME.notice, "urgent", frame);
    return "counted";
  }

  #count<Result extends DeskResult>(result: Result): Result {
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1);
    return result;
  }

  #note(event: SocketEvent): void {
    switch (event.kind) {
      case "bound":
        this.#bound = true;
        break;
      case "lost":
        this.#bound = false;
        this.#peers.clear();
        break;
      case "joined":
        this.#remember(event.peer, event);
        break;
      case "refused":
        this.#remember(`${event.peer} refused`, event);
        break;
      case "left":
      case "rejected":
        this.#peers.delete(event.peer);
        break;
      default:
        event satisfies never;
    }
    for (const worker of this.#workers) send(worker, event);
  }

  #remember(key: string, event: SocketEvent): void {
    this.#peers.delete(key);
    this.#peers.set(key, event);
    const [oldest] = this.#peers.keys();
    if (this.#peers.size > MAX_PEERS && oldest !== undefined) this.#peers.delete(oldest);
  }
}

function send(worker: Pick<NoticeWorker, "send">, event: SocketEvent): void {
  worker.send(FRAME.peer, "urgent", encodeJson(event));
}
