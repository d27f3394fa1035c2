/** Notifications that arrive at a replica of one process: each goes to the replica that waits. @module */
import { tagOf } from "../kv/mod.ts";
import { ALWAYS, decodeNotice, type NoticeBoard } from "../zmq/mod.ts";
import type { Cluster } from "./cluster.ts";
import { replicaIn } from "./tag.ts";

/** Between this replica's socket, its boards and other replicas. */
export class NoticeRoute {
  readonly #cluster: Pick<Cluster, "tag" | "handOver">;
  /** More than one while handoffs of an earlier configuration end. */
  readonly #boards = new Set<NoticeBoard>();

  constructor(cluster: Pick<Cluster, "tag" | "handOver">) {
    this.#cluster = cluster;
  }

  /** What a socket is to give notifications to in place of `board`, which gets those of other replicas too. */
  around(board: NoticeBoard): NoticeBoard & Disposable {
    this.#boards.add(board);
    return {
      // Somebody may wait at any replica.
      demand: ALWAYS,
      accept: (notice, frames) => {
        const tag = "reqId" in notice ? replicaIn(tagOf(notice.reqId) ?? "") : undefined;
        const [frame] = frames;
        if (tag === undefined || tag === this.#cluster.tag || frame === undefined) {
          return board.accept(notice, frames);
        }
        this.#cluster.handOver(tag, frame);
        return "counted";
      },
      [Symbol.dispose]: () => void this.#boards.delete(board),
    };
  }

  /** Another replica has got `frame`. A board on which nobody waits for it forgets it after a while. */
  take(frame: Uint8Array): void {
    const frames = [frame];
    const notice = decodeNotice(frames);
    for (const board of this.#boards) board.accept(notice, frames);
  }
}
