/** The prefill side of an LMCache transfer: pages are allocated, written, then announced. @module */
import { type Clock, describeError, type Logger, sleep } from "../base/mod.ts";
import { chunkHashes, chunkKey, type KeySpace } from "./chunk_keys.ts";
import type { DisaggSpec } from "./disagg_spec.ts";
import type { SimFaults } from "./faults.ts";
import {
  decodeAgent,
  decodeAllocResponse,
  decodeKvWritten,
  encodeAllocRequest,
  encodeCancel,
  encodeHandshake,
  encodeKvWrite,
} from "./lmcache_messages.ts";
import type { Generation } from "./options.ts";
import { RpcClient } from "./rpc_client.ts";
import type { StatsBook } from "./stats.ts";
import type { TokenIds } from "./tokenizer.ts";

/** Longest wait for one answer of a decode rank, in milliseconds. */
const PEER_TIMEOUT_MS = 10_000;

/** How this engine names and sends KV. */
export interface SenderOptions {
  readonly space: KeySpace;
  /** Ranks that store KV: all, or 1 with MLA. */
  readonly ranks: number;
  readonly generation: Generation;
}

/** What it takes from the engine. */
export interface SenderPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: StatsBook;
  readonly faults: SimFaults;
  /** Ends delays when the engine stops. */
  readonly signal: AbortSignal;
  /** Called when a decode engine cannot be reached by a backend that waits for it for ever. */
  readonly onStuck: () => void;
}

/** KV that one rank moves. */
export interface Transfer {
  readonly rank: number;
  /** All tokens whose KV is stored. */
  readonly ids: TokenIds;
  /** How many of them are the prompt: the receiver is told the chunks of these. */
  readonly promptTokens: number;
  readonly spec: DisaggSpec;
  /** See `tagSuffix`. */
  readonly tags: string;
  /** By fault: announce pages that nobody has written. */
  readonly skipWrite: boolean;
}

/** A decode rank as this engine has met it. */
interface Peer {
  /** Its name in NIXL, from the handshake. */
  readonly agent: string;
  readonly client: RpcClient;
}

/** Writes the KV of finished prefills into decode engines. */
export class KvSender {
  readonly #options: SenderOptions;
  readonly #ports: SenderPorts;
  /**
   * Names of decode ranks, by the host as it is spelled and the init port. One that came back on its
   * ports is met no second time: writes go to the name it had.
   */
  readonly #agents = new Map<string, Promise<string>>();
  readonly #sockets = new Map<string, RpcClient>();
  readonly #clients = new Set<RpcClient>();
  readonly #late = new Set<Promise<unknown>>();

  constructor(options: SenderOptions, ports: SenderPorts) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Whether a prompt of `tokens` tokens leaves anything to store, and so is announced at all. */
  stores(tokens: number): boolean {
    const { chunkSize, saveUnfullChunk } = this.#options.space;
    return tokens >= (saveUnfullChunk ? 1 : chunkSize);
  }

  /**
   * Move the KV of one rank to the decode engine of `spec`. Resolves true when it may be announced,
   * false when the transfer failed: then nobody is told, as LMCache does.
   */
  async transfer(transfer: Transfer): Promise<boolean> {
    const { space, generation } = this.#options;
    const { rank, ids, spec, tags, promptTokens } = transfer;
    const hashes = chunkHashes(ids, space);
    const keys = hashes.map((hash) => chunkKey(hash, rank, space, tags));
    const { chunkSize, saveUnfullChunk } = space;
    try {
      const peer = await this.#peer(rank, spec);
      const [bytes] = await peer.client.request([encodeAllocRequest(generation, {
        keys,
        firstChunkTokens: Math.min(ids.length, chunkSize),
        lastChunkTokens: saveUnfullChunk ? ids.length % chunkSize || chunkSize : chunkSize,
        reqId: spec.reqId,
        isLastBatch: true,
        totalChunks: saveUnfullChunk
          ? Math.ceil(promptTokens / chunkSize)
          : Math.floor(promptTokens / chunkSize),
      })]);
      const { known, pages } = decodeAllocResponse(bytes);
      if (known.length + pages.length !== keys.length || pages.includes(-1)) {
        throw new Error(`${keys.length} chunks, ${known.length} known, got pages ${pages}`);
      }
      if (transfer.skipWrite || pages.length === 0) return true;
      const there = new Set(known);
      const missing = keys.filter((_, index) => !there.has(index));
      const writing = this.#write(peer, missing, keys, spec);
      if (this.#ports.faults.landDelayMs === 0) return await writing;
      const late = writing.finally(() => this.#late.delete(late));
      this.#late.add(late);
      return true;
    } catch (error) {
      this.#failed(`Cannot send KV to ${spec.host}`, error, spec);
      return false;
    }
  }

  /** Forget all decode engines, as a restart does. */
  forget(): void {
    this.#agents.clear();
  }

  /** Close all connections and wait for what runs. */
  async stop(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
    await Promise.all(this.#late);
  }

  /** Write `missing`; when that fails, generation D has all of `keys` released. */
  async #write(
    { agent, client }: Peer,
    missing: readonly string[],
    keys: readonly string[],
    spec: DisaggSpec,
  ): Promise<boolean> {
    const { clock, faults, stats, signal } = this.#ports;
    const delayMs = faults.landDelayMs + faults.writeDelayMs;
    if (delayMs > 0) {
      if (await sleep(clock, delayMs, signal) === "aborted") return false;
    }
    try {
      const [bytes] = await client.request([encodeKvWrite(missing, agent)]);
      decodeKvWritten(bytes);
      stats.add("chunksWritten", missing.length);
      return true;
    } catch (error) {
      this.#failed(`Cannot write KV to ${spec.host}`, error, spec);
    }
    if (this.#options.generation !== "D") return false;
    try {
      await client.request([encodeCancel(spec.reqId, keys)]);
    } catch (error) {
      this.#ports.log.warning(`Cannot cancel a transfer to ${spec.host}: ${describeError(error)}`);
    }
    return false;
  }

  #failed(what: string, error: unknown, spec: DisaggSpec): void {
    const { stats, log } = this.#ports;
    stats.add("transferFailures");
    log.warning(`${what}: ${describeError(error)}`, { req: spec.reqId });
    if (this.#options.generation !== "D" && !this.#ports.signal.aborted) this.#ports.onStuck();
  }

  /** The decode rank `spec` names; the handshake comes first, once. */
  async #peer(rank: number, spec: DisaggSpec): Promise<Peer> {
    const { host } = spec;
    const initPort = spec.initPorts[rank] ?? 0;
    const name = `${rank}@${host}${initPort}`;
    let meeting = this.#agents.get(name);
    if (meeting === undefined) {
      meeting = this.#meet(rank, host, initPort);
      this.#agents.set(name, meeting);
      meeting.catch(() => this.#agents.delete(name));
    }
    const agent = await meeting;
    const known = this.#sockets.get(name);
    const client = known ?? this.#connect(name, host, spec.allocPorts[rank] ?? 0);
    return { agent, client };
  }

  async #meet(rank: number, host: string, port: number): Promise<string> {
    const { clock } = this.#ports;
    const init = new RpcClient({ host, port, type: "REQ", timeoutMs: PEER_TIMEOUT_MS, clock });
    this.#clients.add(init);
    try {
      const [hello, register] = encodeHandshake(rank);
      const [answer] = await init.request([hello]);
      const agent = decodeAgent(answer);
      await init.request([register]);
      return agent;
    } finally {
      this.#clients.delete(init);
      await init.close();
    }
  }

  #connect(name: string, host: string, port: number): RpcClient {
    const { clock } = this.#ports;
    const type = this.#options.generation === "D" ? "DEALER" : "REQ";
    const timeoutMs = PEER_TIMEOUT_MS;
    const client = new RpcClient({ host, port, type, timeoutMs, clock }, () => {
      if (this.#sockets.get(name) === client) this.#sockets.delete(name);
      client.close().finally(() => this.#clients.delete(client));
    });
    this.#sockets.set(name, client);
    this.#clients.add(client);
    return client;
  }
}
