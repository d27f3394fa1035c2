/** The socket for KV-ready notifications, without a network. @module */
import { encode } from "@msgpack/msgpack";
import { type BindPull, MessageQueue } from "../zmq/mod.ts";

/** Messages that wait at most: as many as requests are under way. */
const QUEUE_LIMIT = 256;

/** Takes notifications of engines in memory. */
export class MemoryPull {
  readonly #queue = new MessageQueue<readonly Uint8Array[]>(QUEUE_LIMIT);

  readonly bind: BindPull = () =>
    Promise.resolve({
      endpoint: "tcp://127.0.0.1:0",
      port: 0,
      peers: () => 0,
      frames: () => this.#queue.drain(),
      [Symbol.asyncDispose]: () => {
        this.#queue.close();
        return Promise.resolve();
      },
    });

  /** What a prefill rank says when the KV of `reqId` is there. */
  notify(reqId: string): void {
    this.#queue.push([encode({ type: "ProxyNotif", req_id: reqId })]);
  }
}
