/** The socket for KV-ready notifications, without a network: a test says what arrives. @module */
import { encode } from "@msgpack/msgpack";
import type { BindPull, PullAddress, PullSocket } from "../../lib/zmq/mod.ts";
import { MessageQueue } from "../../lib/zmq/message_queue.ts";

/** Messages before a real socket would pause its peers. */
const QUEUE_LIMIT = 1024;

/** Binds sockets that a test has the other end of, one at a time. */
export class FakePull {
  /** Addresses that were asked for, refused ones too. */
  readonly asked: PullAddress[] = [];
  /** Sockets bound and not disposed. */
  open = 0;
  /** The next bind is refused with it. */
  refusal: Error | undefined;
  #queue: MessageQueue<readonly Uint8Array[]> | undefined;

  readonly bind: BindPull = (address) => {
    this.asked.push(address);
    const { refusal } = this;
    this.refusal = undefined;
    return refusal === undefined ? Promise.resolve(this.#socket()) : Promise.reject(refusal);
  };

  /** What a prefill rank sends when the KV of `reqId` has landed. Throws before any bind. */
  notify(reqId: string): void {
    this.push(encode({ type: "ProxyNotif", req_id: reqId }));
  }

  /** One message of one frame; lost when the socket is closed. Throws before any bind. */
  push(frame: Uint8Array): void {
    if (this.#queue === undefined) throw new Error("Nobody has bound the socket");
    this.#queue.push([frame]);
  }

  /** The socket fails, as when its listener is gone. */
  fail(error: Error): void {
    this.#queue?.fail(error);
  }

  #socket(): PullSocket {
    const queue = new MessageQueue<readonly Uint8Array[]>(QUEUE_LIMIT);
    this.#queue = queue;
    this.open++;
    let open = true;
    return {
      endpoint: "tcp://127.0.0.1:7500",
      port: 7500,
      peers: () => 0,
      frames: () => queue.drain(),
      [Symbol.asyncDispose]: () => {
        if (open) this.open--;
        open = false;
        queue.close();
        return Promise.resolve();
      },
    };
  }
}
