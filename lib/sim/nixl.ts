/**
 * KV pulled by the decode engine, as vLLM's NixlConnector does it: the prefill engine keeps a
 * prompt's blocks for a lease and hands out parameters good for one read over its side channel.
 *
 * Source: vLLM `vllm/distributed/kv_transfer/kv_connector/v1/nixl/pull_scheduler.py`.
 * @module
 */
import { encode } from "@msgpack/msgpack";
import type { Clock, Logger, Timer } from "../base/mod.ts";
import { isIdList, isInteger, type JsonObject, objectOrEmpty } from "./json.ts";
import { decodeMap } from "./lmcache_messages.ts";
import { RpcClient } from "./rpc_client.ts";
import { RpcServer } from "./rpc_server.ts";
import { Sequence } from "./sequence.ts";
import type { StatsBook } from "./stats.ts";
import type { TokenIds } from "./tokenizer.ts";

/** How the engine lends KV. */
export interface NixlOptions {
  readonly host: string;
  /** The address decode engines are told. */
  readonly reachedAt: string;
  readonly port: number;
  readonly engineId: string;
  readonly ranks: number;
  readonly blockSize: number;
  readonly leaseMs: number;
}

/** What it takes from the engine. */
export interface NixlPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: StatsBook;
}

/** How a pull ended. */
export type Pull =
  | { readonly kind: "loaded"; readonly tokens: number; readonly samePrompt: boolean }
  /** The parameters lack a field the engine needs. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "failed"; readonly reason: string };

/** What is lent when a prefill has finished. */
export interface LentKv {
  readonly requestId: string;
  /** The prompt. */
  readonly ids: TokenIds;
  /** Tokens that were generated. */
  readonly outputs: number;
  /** Prompt tokens that came out of the prefix cache. */
  readonly cached: number;
}

interface Loan {
  readonly ids: TokenIds;
  readonly timer: Timer;
}

/** Longest wait for the other engine, in milliseconds, and how many past loans are remembered. */
const PULL_TIMEOUT_MS = 10_000;
const PAST_LOANS = 10_000;

/** Both sides of the connector. */
export class NixlSide {
  readonly #options: NixlOptions;
  readonly #ports: NixlPorts;
  readonly #server: RpcServer;
  readonly #loans = new Map<string, Loan>();
  readonly #past = new Map<string, "consumed" | "expired">();
  readonly #clients = new Map<string, RpcClient>();
  #nextBlock = 1;

  constructor(options: NixlOptions, ports: NixlPorts) {
    const { host, port } = options;
    this.#options = options;
    this.#ports = ports;
    this.#server = new RpcServer(
      { host, port, type: "ROUTER", log: ports.log },
      ([body]) => Promise.resolve([[this.#answer(body)]]),
    );
  }

  /** Loans not read yet. */
  get held(): number {
    return this.#loans.size;
  }

  /** Keep the KV of a finished prompt; returns `kv_transfer_params` for the decode engine. */
  lend({ requestId, ids, outputs, cached }: LentKv): JsonObject {
    const { clock, stats } = this.#ports;
    const { reachedAt, engineId, ranks, blockSize, leaseMs } = this.#options;
    const timer = clock.after(leaseMs, () => {
      this.#loans.delete(requestId);
      this.#remember(requestId, "expired");
      stats.add("expired");
    });
    this.#loans.set(requestId, { ids, timer });
    // The last token's KV was not computed.
    const tokens = ids.length + outputs - 1;
    const blocks = Math.ceil(tokens / blockSize);
    const first = this.#nextBlock;
    this.#nextBlock += blocks;
    return {
      do_remote_prefill: true,
      do_remote_decode: false,
      remote_block_ids: [Array.from({ length: blocks }, (_, index) => first + index)],
      remote_engine_id: engineId,
      remote_request_id: requestId,
      remote_host: reachedAt,
      remote_port: this.#server.port,
      tp_size: ranks,
      dcp_size: 1,
      pp_size: 1,
      remote_num_tokens: tokens,
      remote_blocks_expiry_time: null,
      transfer_mode: "pull",
      ...(outputs > 1 ? {} : { remote_prefill_cached_tokens: cached }),
    };
  }

  /** Fetch the KV that `params` name, for a prompt. */
  async pull(params: JsonObject, ids: TokenIds): Promise<Pull> {
    const engineId = params["remote_engine_id"];
    const requestId = params["remote_request_id"];
    const host = params["remote_host"];
    const port = params["remote_port"];
    if (
      typeof engineId !== "string" || typeof requestId !== "string" || typeof host !== "string" ||
      !isInteger(port)
    ) {
      return { kind: "incomplete" };
    }
    try {
      const [answer] = await this.#client(host, port).request([
        encode({ type: "SimReadBlocks", engine_id: engineId, request_id: requestId }),
      ]);
      return readAnswer(decodeMap(answer), ids);
    } catch (error) {
      return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Close all. */
  async stop(): Promise<void> {
    for (const { timer } of this.#loans.values()) timer.cancel();
    this.#loans.clear();
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
    await this.#server.stop();
  }

  /** Forget all loans, as a restart does. */
  clear(): void {
    for (const { timer } of this.#loans.values()) timer.cancel();
    this.#loans.clear();
    this.#past.clear();
  }

  #answer(body: Uint8Array | undefined): Uint8Array {
    const message = decodeMap(body);
    const id = String(message["request_id"]);
    if (message["engine_id"] !== this.#options.engineId) {
      return encode({ ok: false, reason: "another engine's" });
    }
    const loan = this.#loans.get(id);
    if (loan === undefined) {
      const reason = this.#past.get(id) ?? "unknown";
      if (reason !== "unknown") this.#ports.stats.add("doubleUses");
      return encode({ ok: false, reason });
    }
    loan.timer.cancel();
    this.#loans.delete(id);
    this.#remember(id, "consumed");
    return encode({
      ok: true,
      num_tokens: loan.ids.length,
      fingerprint: fingerprintOf(loan.ids, loan.ids.length),
    });
  }

  #remember(id: string, what: "consumed" | "expired"): void {
    this.#past.set(id, what);
    const [oldest] = this.#past.keys();
    if (this.#past.size > PAST_LOANS && oldest !== undefined) this.#past.delete(oldest);
  }

  #client(host: string, port: number): RpcClient {
    const name = `${host}:${port}`;
    const known = this.#clients.get(name);
    if (known !== undefined && !known.failed) return known;
    const client = new RpcClient({
      host,
      port,
      type: "DEALER",
      timeoutMs: PULL_TIMEOUT_MS,
      clock: this.#ports.clock,
    }, () => void client.close());
    this.#clients.set(name, client);
    return client;
  }
}

function readAnswer(answer: JsonObject, ids: TokenIds): Pull {
  const { ok, num_tokens: tokens, fingerprint } = objectOrEmpty(answer);
  if (ok !== true) return { kind: "failed", reason: `blocks are ${String(answer["reason"])}` };
  if (!isInteger(tokens) || !isIdList(fingerprint)) {
    return { kind: "failed", reason: "malformed answer" };
  }
  const [low, high] = fingerprintOf(ids, tokens);
  const samePrompt = tokens <= ids.length && fingerprint[0] === low && fingerprint[1] === high;
  return { kind: "loaded", tokens, samePrompt };
}

function fingerprintOf(ids: TokenIds, length: number): readonly [low: number, high: number] {
  const sequence = new Sequence(0);
  for (let at = 0; at < Math.min(length, ids.length); at++) sequence.push(ids[at] ?? 0);
  return sequence.fingerprint();
}
