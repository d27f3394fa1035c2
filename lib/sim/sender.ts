/** The prefill side of an LMCache transfer: pages are allocated, written, then announced. @module */
import { type Clock, describeError, type Logger, sleep } from "../base/mod.ts";
import { chunkHashes, chunkKey, type KeySpace } from "./chunk_keys.ts";
import type { DisaggSpec } from "./disagg_spec.ts";
import type { SimFaults } from "./faults.ts";
import {
  decodeAllocResponse,
  encodeAllocRequest,
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
}

/** Writes the KV of finished prefills into decode engines. */
export class KvSender {
  readonly #options: SenderOptions;
  readonly #ports: SenderPorts;
  readonly #peers = new Map<string, Promise<RpcClient>>();
  readonly #clients = new Set<RpcClient>();
  readonly #late = new Set<Promise<void>>();

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
   * Move the KV of `ids` to the decode engine of `spec`, one rank. Resolves true when it may be
   * announced, false when the transfer failed: then nobody is told, as LMCache does.
   */
  async transfer(
    rank: number,
    ids: TokenIds,
    spec: DisaggSpec,
    skipWrite: boolean,
  ): Promise<boolean> {
    const { space, generation } = this.#options;
    const { stats, log, faults } = this.#ports;
    const hashes = chunkHashes(ids, space);
    const keys = hashes.map((hash) => chunkKey(hash, rank, space));
    try {
      const peer = await this.#peer(rank, spec);
      const [answer] = await peer.request([encodeAllocRequest(generation, {
        keys,
        lastChunkTokens: ids.length % space.chunkSize || space.chunkSize,
        reqId: spec.reqId,
        totalChunks: keys.length,
      })]);
      const known = new Set(decodeAllocResponse(answer));
      const missing = keys.filter((_, index) => !known.has(index));
      if (skipWrite || missing.length === 0) return true;
      const writing = this.#write(peer, missing);
      if (faults.landDelayMs > 0) this.#track(writing);
      else await writing;
      return true;
    } catch (error) {
      stats.add("transferFailures");
      log.warning(`Cannot send KV to ${spec.host}: ${describeError(error)}`, { req: spec.reqId });
      return false;
    }
  }

  /** Close all connections and wait for what runs. */
  async stop(): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
    await Promise.all(this.#late);
  }

  async #write(peer: RpcClient, keys: readonly string[]): Promise<void> {
    const { clock, faults, stats, signal } = this.#ports;
    if (faults.landDelayMs > 0) {
      if (await sleep(clock, faults.landDelayMs, signal) === "aborted") return;
    }
    await peer.request([encodeKvWrite(keys)]);
    stats.add("chunksWritten", keys.length);
  }

  #track(writing: Promise<void>): void {
    const { stats, log } = this.#ports;
    const task = writing.catch((error: unknown) => {
      stats.add("transferFailures");
      log.warning(`Cannot write KV late: ${describeError(error)}`);
    }).finally(() => this.#late.delete(task));
    this.#late.add(task);
  }

  /** The allocation socket of a decode rank; the handshake comes first, once per rank pair. */
  #peer(rank: number, spec: DisaggSpec): Promise<RpcClient> {
    const { host } = spec;
    const initPort = spec.initPorts[rank] ?? 0;
    const allocPort = spec.allocPorts[rank] ?? 0;
    const name = `${rank}@${host}:${initPort}:${allocPort}`;
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const opening = this.#open(rank, host, initPort, allocPort, () => this.#peers.delete(name));
    this.#peers.set(name, opening);
    opening.catch(() => this.#peers.delete(name));
    return opening;
  }

  async #open(
    rank: number,
    host: string,
    initPort: number,
    allocPort: number,
    onFailed: () => void,
  ): Promise<RpcClient> {
    const { clock } = this.#ports;
    const { generation } = this.#options;
    const timeoutMs = PEER_TIMEOUT_MS;
    const init = new RpcClient({ host, port: initPort, type: "REQ", timeoutMs, clock });
    this.#clients.add(init);
    try {
      for (const step of encodeHandshake(rank)) await init.request([step]);
    } finally {
      this.#clients.delete(init);
      await init.close();
    }
    const type = generation === "D" ? "DEALER" : "REQ";
    const client = new RpcClient({ host, port: allocPort, type, timeoutMs, clock }, () => {
      onFailed();
      client.close().finally(() => this.#clients.delete(client));
    });
    this.#clients.add(client);
    return client;
  }
}
