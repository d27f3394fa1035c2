/** The KV a prompt begins with: pushed here, pulled from elsewhere, or shared. @module */
import { chunkHashes, chunkKey } from "./chunk_keys.ts";
import { endCore, type EngineCore } from "./core.ts";
import { strikes } from "./faults.ts";
import { isInteger, type JsonObject } from "./json.ts";
import type { KvLeg } from "./kv_leg.ts";
import type { KvStore } from "./kv_store.ts";
import type { NixlSide } from "./nixl.ts";
import type { TokenIds } from "./tokenizer.ts";

/** KV from another engine. */
export interface LoadedKv {
  /** Tokens that need not be computed. */
  readonly tokens: number;
  /** The KV was not what the prompt needs: the output is garbage. */
  readonly garbage: boolean;
  /** The load failed and the engine may not compute the KV itself: the request fails. */
  readonly failed: boolean;
  /** Tokens that the prefill engine found in its own cache, where it has told. */
  readonly remoteCached?: number;
}

const NOTHING: LoadedKv = { tokens: 0, garbage: false, failed: false };
const FAILED: LoadedKv = { tokens: 0, garbage: false, failed: true };

/** What a lookup found of a prompt among the pages that prefill engines push. */
export interface FoundKv {
  /** Tokens looked up: all but those a decode never asks for. */
  readonly wanted: number;
  /** Their chunks, and how many of these were there. */
  readonly total: number;
  readonly chunks: number;
  /** Keys of the chunks that were there, on one rank. */
  readonly keysOf: (rank: number) => readonly string[];
}

/**
 * Look up the pages of a prompt; undefined where none are ever pushed. All prompts and samples of a
 * request are looked up before the first of them is loaded, as vLLM schedules them in one step.
 */
export function findKv(core: EngineCore, leg: KvLeg, ids: TokenIds): FoundKv | undefined {
  const { kv, options, keySpace } = core;
  if (kv === undefined || leg.kind !== "plain") return undefined;
  const wanted = Math.max(ids.length - options.skipLastNTokens, 0);
  const hashes = chunkHashes(ids.slice(0, wanted), keySpace);
  const keysOf = (rank: number, count = hashes.length): readonly string[] =>
    hashes.slice(0, count).map((hash) => chunkKey(hash, rank, keySpace, leg.tags));
  const chunks = kv.lookup((rank) => keysOf(rank));
  return { wanted, total: hashes.length, chunks, keysOf: (rank) => keysOf(rank, chunks) };
}

/** What is known of a prompt's KV before it is loaded. */
export interface KnownKv {
  /** What `findKv` gave. */
  readonly found: FoundKv | undefined;
  /** Tokens whose KV is in the engine's own prefix cache. */
  readonly local: number;
}

/**
 * Load what the leg says; counts hits, misses and misuse. Throws the 500 of an ended engine core when
 * a chunk that was found is gone.
 */
export async function loadKv(
  core: EngineCore,
  leg: KvLeg,
  ids: TokenIds,
  { found, local }: KnownKv,
): Promise<LoadedKv> {
  if (leg.kind === "lmcache-prefill" || leg.kind === "nixl-prefill") return NOTHING;
  if (leg.kind === "nixl-decode") {
    return core.nixl === undefined ? NOTHING : await pulled(core, core.nixl, leg.params, ids);
  }
  if (core.kv !== undefined && found !== undefined) return pushed(core, core.kv, ids, found, local);
  if (core.shared !== undefined) {
    const there = core.shared.find(ids, core.options.blockSize);
    const tokens = ignoresKv(core, there) ? 0 : there;
    countHit(core, tokens, ids.length - 1, true);
    return tokens > 0 ? { ...NOTHING, tokens } : missed(core, "recompute");
  }
  return core.options.kvConnector === "nixl" ? missed(core, "recompute") : NOTHING;
}

function pushed(
  core: EngineCore,
  store: KvStore,
  ids: TokenIds,
  found: FoundKv,
  local: number,
): LoadedKv {
  const { options, stats, log } = core;
  const { chunks, wanted } = found;
  const tokens = Math.min(chunks * options.chunkSize, wanted);
  // Chunks that the prefix cache covers are not read, and so never released (LMCache
  // `vllm_v1_adapter.py`, `start_load_kv`: the masked tokens).
  const skipped = tokens > local ? Math.floor(local / options.chunkSize) : chunks;
  const reading = store.read((rank) => found.keysOf(rank).slice(skipped));
  if (reading.kind === "gone") throw endCore(core, `Key ${reading.key} not found in local data.`);
  if (ignoresKv(core, tokens)) {
    countHit(core, 0, wanted, false);
    return missed(core, "recompute");
  }
  const complete = chunks === found.total;
  countHit(core, tokens, wanted, complete);
  if (chunks > 0 && !complete) stats.add("partialHits");
  if (!reading.landed) {
    stats.add("staleReads");
    log.warning("Read KV that has not landed: the output is garbage");
    return { tokens, garbage: true, failed: false };
  }
  const held = { ...NOTHING, tokens: Math.min(tokens, ids.length - 1) };
  if (complete) return held;
  return missed(core, options.onMiss).failed ? FAILED : held;
}

async function pulled(
  core: EngineCore,
  nixl: NixlSide,
  params: JsonObject,
  ids: TokenIds,
): Promise<LoadedKv> {
  const { stats, options, faults, random, log } = core;
  const pull = strikes(faults, "failKvLoad", random)
    ? { kind: "failed", reason: "simulated fault" } as const
    : await nixl.pull(params, ids);
  switch (pull.kind) {
    case "incomplete":
      stats.add("incompleteParams");
      log.warning("Invalid KVTransferParams, computing the prompt here");
      return missed(core, "recompute");
    case "failed":
      stats.add("kvLoadFailures");
      if (pull.reason.startsWith("blocks are consumed")) stats.add("doubleUses");
      log.warning(`Cannot load KV: ${pull.reason}`);
      return missed(core, options.kvLoadFailurePolicy);
    case "loaded":
      if (ignoresKv(core, pull.tokens)) {
        countHit(core, 0, ids.length, false);
        return { ...missed(core, "recompute"), ...remoteCachedIn(params) };
      }
      if (!pull.samePrompt) {
        stats.add("doubleUses");
        return { tokens: 0, garbage: true, failed: false };
      }
      countHit(core, pull.tokens, ids.length, true);
      // The last token is computed again, for its logits.
      return {
        ...NOTHING,
        tokens: Math.min(pull.tokens, ids.length - 1),
        ...remoteCachedIn(params),
      };
    default:
      return pull satisfies never;
  }
}

/** Source: vLLM `vllm/v1/engine/output_processor.py`. */
function remoteCachedIn(params: JsonObject): { readonly remoteCached?: number } {
  const told = params["remote_prefill_cached_tokens"];
  return isInteger(told) ? { remoteCached: told } : {};
}

/** Whether the engine computes `tokens` again whose KV it has, by fault. */
function ignoresKv({ faults, random }: EngineCore, tokens: number): boolean {
  return tokens > 0 && strikes(faults, "ignoreKv", random);
}

/** Count a lookup; `complete` when all that could be there is. */
function countHit(core: EngineCore, tokens: number, wanted: number, complete: boolean): void {
  const { stats } = core;
  stats.add("externalQueryTokens", wanted);
  stats.add("externalHitTokens", tokens);
  if (tokens > 0 && complete) stats.add("externalHits");
}

/** KV that should have come is not there. */
function missed(core: EngineCore, policy: "recompute" | "fail"): LoadedKv {
  if (core.options.role !== "decode") return NOTHING;
  if (policy === "fail") {
    core.stats.add("kvLoadFailures");
    return FAILED;
  }
  core.stats.add("recomputes");
  core.log.info("KV of the prompt is not here: computing it again");
  return NOTHING;
}
