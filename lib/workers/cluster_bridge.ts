/** Several processes as one replica of a cluster: the supervisor has the connection, and stands between. @module */
import { type Cluster, type ClusterState, gossipBytes } from "../cluster/mod.ts";
import { encodeJson } from "./codec.ts";
import { FRAME } from "./frame.ts";
import type { NoticeDesk } from "./notice_desk.ts";
import { type WorkerName, workerTag } from "./records.ts";
import type { WorkerSlot } from "./worker_slot.ts";

/** What it stands between. */
export interface BridgeParts {
  readonly cluster: Pick<Cluster, "tag" | "connected" | "listen" | "tell">;
  readonly workers: readonly Pick<WorkerSlot, "send">[];
  readonly desk: Pick<NoticeDesk, "take">;
}

/** Between the cluster and the workers of this replica. */
export class ClusterBridge {
  readonly #cluster: BridgeParts["cluster"];

  constructor({ cluster, workers, desk }: BridgeParts) {
    this.#cluster = cluster;
    cluster.listen({
      notice: (frame) => desk.take(frame),
      gossip(from, message) {
        const bytes = gossipBytes(from, message);
        for (const worker of workers) worker.send(FRAME.far, "loose", bytes);
      },
      change(state) {
        const bytes = encodeJson(state);
        for (const worker of workers) worker.send(FRAME.cluster, "urgent", bytes);
      },
    });
  }

  /** How the replica stands, for a worker that begins. */
  get state(): ClusterState {
    const { tag, connected } = this.#cluster;
    return { tag, connected };
  }

  /** A worker tells all others something: those of other replicas are told too. */
  tell(worker: WorkerName, message: Uint8Array): void {
    this.#cluster.tell(`${this.#cluster.tag}.${workerTag(worker)}`, message);
  }
}
