/** The decode side of an LMCache transfer: an init and an allocation port per rank. @module */
import { describeError, type Logger } from "../base/mod.ts";
import type { KvStore } from "./kv_store.ts";
import {
  type AllocResponse,
  answerHandshake,
  decodeReceiverMessage,
  encodeAllocResponse,
  encodeKvWritten,
  type ReceiverMessage,
} from "./lmcache_messages.ts";
import type { SimOptions } from "./options.ts";
import { RpcServer } from "./rpc_server.ts";

/** What it takes from the engine. */
export interface ReceiverPorts {
  readonly store: KvStore;
  readonly log: Logger;
  /** The name under which NIXL reaches this engine; another after a restart. */
  readonly agent: string;
  /**
   * Whether there is no room for a request's pages; asked once for all ranks, which are as full as one
   * another.
   * @default there is room for all
   */
  readonly isFull?: () => boolean;
}

/** Listens for prefill ranks and fills the store. */
export class KvReceiver {
  readonly initPorts: readonly number[];
  readonly allocPorts: readonly number[];
  readonly #servers: RpcServer[] = [];

  constructor(options: SimOptions, ports: ReceiverPorts) {
    const { log } = ports;
    const { host, generation, ranks } = options;
    const type = generation === "D" ? "ROUTER" : "REP";
    const room = new Room(ports.isFull ?? (() => false));
    const init: number[] = [];
    const alloc: number[] = [];
    try {
      for (let rank = 0; rank < ranks; rank++) {
        const initPort = options.initPorts[rank] ?? 0;
        const allocPort = options.allocPorts[rank] ?? 0;
        init.push(this.#listen({ host, port: initPort, type: "REP", log }, ([body]) => {
          return [answerHandshake(body, ports.agent)];
        }));
        const pages = new RankPages(options, ports, { rank, room });
        alloc.push(this.#listen({ host, port: allocPort, type, log }, ([body]) => {
          return [pages.answer(body)];
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

/** Requests of which it is remembered whether there was room for them. */
const MAX_DECIDED = 1_000;

/** Says once of every request whether there is room for it. */
class Room {
  readonly #isFull: () => boolean;
  readonly #decided = new Map<string, boolean>();

  constructor(isFull: () => boolean) {
    this.#isFull = isFull;
  }

  hasNone(reqId: string): boolean {
    const full = this.#decided.get(reqId) ?? this.#isFull();
    // Older generations do not say which request it is.
    if (reqId === "") return full;
    this.#decided.set(reqId, full);
    for (const oldest of this.#decided.keys()) {
      if (this.#decided.size <= MAX_DECIDED) break;
      this.#decided.delete(oldest);
    }
    return full;
  }
}

type Alloc = Extract<ReceiverMessage, { kind: "alloc" }>;

const NOTHING: AllocResponse = { known: [], pages: [] };

/** What one rank answers on its allocation port. */
class RankPages {
  readonly #options: SimOptions;
  readonly #ports: ReceiverPorts;
  readonly #room: Room;
  /** With MLA the KV of all ranks is one: it is held once, whichever rank it came through. */
  readonly #holder: number;
  /** Keys allocated for requests of which more is to come. */
  readonly #begun = new Map<string, readonly string[]>();

  constructor(
    options: SimOptions,
    ports: ReceiverPorts,
    { rank, room }: { readonly rank: number; readonly room: Room },
  ) {
    this.#room = room;
    this.#options = options;
    this.#ports = ports;
    this.#holder = options.mla ? 0 : rank;
  }

  /**
   * Answer one message. What it cannot take it answers with failed pages in generation D, and throws
   * Error on in the others.
   */
  answer(body: Uint8Array | undefined): Uint8Array {
    const { generation } = this.#options;
    const { store, log, agent } = this.#ports;
    let message: ReceiverMessage | undefined;
    try {
      message = decodeReceiverMessage(generation, body);
      if (message.kind === "write") {
        const reached = message.agent === agent;
        return encodeKvWritten(reached ? store.land(this.#holder, message.keys) : undefined);
      }
      if (message.kind === "cancel") {
        store.release(this.#holder, message.keys);
        this.#begun.delete(message.reqId);
        return encodeAllocResponse(generation, NOTHING);
      }
      return encodeAllocResponse(generation, this.#allocate(message));
    } catch (error) {
      if (generation !== "D") throw error;
      log.warning(`Cannot allocate pages: ${describeError(error)}`);
      const failed = new Array<number>(Math.max(message?.keys.length ?? 0, 1)).fill(-1);
      return encodeAllocResponse(generation, { known: [], pages: failed });
    }
  }

  #allocate({ keys, reqId, totalChunks, isLastBatch }: Alloc): AllocResponse {
    const { store } = this.#ports;
    if (this.#room.hasNone(reqId)) throw new Error(`No room for ${keys.length} pages`);
    if (reqId === "") return store.allocate(this.#holder, keys);
    const before = this.#begun.get(reqId);
    if (before === undefined && totalChunks === 0) {
      throw new Error("total_chunks is 0: the sender is of an older generation");
    }
    const all = [...before ?? [], ...keys];
    if (all.length > totalChunks) {
      this.#begun.delete(reqId);
      store.release(this.#holder, before ?? []);
      throw new Error(
        `Request ${reqId} protocol violation: declared total_chunks=${totalChunks} but ` +
          `attempting ${all.length} chunks`,
      );
    }
    if (isLastBatch) this.#begun.delete(reqId);
    else this.#begun.set(reqId, all);
    return store.allocate(this.#holder, keys);
  }
}
