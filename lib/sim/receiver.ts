/** The decode side of an LMCache transfer: an init and an allocation port per rank. @module */
import { describeError, type Logger } from "../base/mod.ts";
import type { KvStore } from "./kv_store.ts";
import {
  answerHandshake,
  decodeReceiverMessage,
  encodeAllocResponse,
  encodeKvWritten,
} from "./lmcache_messages.ts";
import type { SimOptions } from "./options.ts";
import { RpcServer } from "./rpc_server.ts";

/** Listens for prefill ranks and fills the store. */
export class KvReceiver {
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly #servers: RpcServer[] = [];

  constructor(options: SimOptions, store: KvStore, log: Logger) {
    const { host, generation, ranks } = options;
    const type = generation === "D" ? "ROUTER" : "REP";
    const init: number[] = [];
    const alloc: number[] = [];
    try {
      for (let rank = 0; rank < ranks; rank++) {
        const initPort = options.initPorts[rank] ?? 0;
        const allocPort = options.allocPorts[rank] ?? 0;
        init.push(this.#listen({ host, port: initPort, type: "REP", log }, ([body]) => {
          return [answerHandshake(body)];
        }));
        alloc.push(this.#listen({ host, port: allocPort, type, log }, ([body]) => {
          return [answerTransfer(options, store, rank, body)];
        }));
      }
    } catch (error) {
      // Nothing has been accepted yet, so ending the servers cannot fail.
      void this.stop();
      throw new Error(
        `Cannot open the ports of the KV receiver on ${host}: ${describeError(error)}`,
        { cause: error },
      );
    }
    this.initPorts = init;
    this.allocPorts = alloc;
  }

  /** Close all ports. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  #listen(
    options: ConstructorParameters<typeof RpcServer>[0],
    answer: (request: readonly Uint8Array[]) => readonly Uint8Array[],
  ): number {
    const server = new RpcServer(
      options,
      (request) => Promise.resolve([answer(request)]),
    );
    this.#servers.push(server);
    return server.port;
  }
}

function answerTransfer(
  options: SimOptions,
  store: KvStore,
  rank: number,
  body: Uint8Array | undefined,
): Uint8Array {
  const { generation, mla } = options;
  const message = decodeReceiverMessage(generation, body);
  const { keys } = message;
  // With MLA the KV of all ranks is one: it is held once, whichever rank it came through.
  const holder = mla ? 0 : rank;
  if (message.kind === "write") return encodeKvWritten(store.land(holder, keys));
  if (message.kind === "cancel") {
    store.release(holder, keys);
    return encodeAllocResponse(generation, [], []);
  }
  const known = store.allocate(holder, keys);
  const remote = keys.map((_, index) => index).filter((index) => !known.includes(index));
  return encodeAllocResponse(generation, known, remote);
}
