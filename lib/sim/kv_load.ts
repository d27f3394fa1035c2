/** The KV a prompt begins with: pushed here, pulled from elsewhere, or shared. @module */
import { chunkHashes, chunkKey } from "./chunk_keys.ts";
import type { EngineCore } from "./core.ts";
import { strikes } from "./faults.ts";
import type { JsonObject } from "./json.ts";
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
}

const NOTHING: LoadedKv = { tokens: 0, garbage: false, failed: false };
const FAILED: LoadedKv = { tokens: 0, garbage: false, failed: true };

/** Load what the leg says; counts hits, misses and misuse. */
export async function loadKv(core: EngineCore, leg: KvLeg, ids: TokenIds): Promise<LoadedKv> {
  if (leg.kind === "lmcache-prefill" || leg.kind === "nixl-prefill") return NOTHING;
  if (leg.kind === "nixl-decode") {
    return core.nixl === undefined ? NOTHING : await pulled(core, core.nixl, leg.params, ids);
  }
  if (core.kv !== undefined) return pushed(core, core.kv, ids);
  if (core.shared !== undefined) {
    const tokens = core.shared.find(ids, core.options.blockSize);
    countHit(core, tokens, ids.length - 1, true);
    return tokens > 0 ? { ...NOTHING, tokens } : missed(core, "recompute");
  }
  return core.options.kvConnector === "nixl" ? missed(core, "recompute") : NOTHING;
}

function pushed(core: EngineCore, store: KvStore, ids: TokenIds): LoadedKv {
  const { options, stats, keySpace, log } = core;
  const wanted = ids.slice(0, Math.max(ids.length - options.skipLastNTokens, 0));
  const hashes = chunkHashes(wanted, keySpace);
  const { chunks, landed } = store.retrieve((rank) =>
    hashes.map((hash) => chunkKey(hash, rank, keySpace))
  );
  const tokens = Math.min(chunks * options.chunkSize, wanted.length);
  const complete = chunks === hashes.length;
  countHit(core, tokens, wanted.length, complete);
  if (chunks > 0 && !complete) stats.add("partialHits");
  if (!landed) {
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
      if (!pull.samePrompt) {
        stats.add("doubleUses");
        return { tokens: 0, garbage: true, failed: false };
      }
      countHit(core, pull.tokens, ids.length, true);
      // The last token is computed again, for its logits.
      return { ...NOTHING, tokens: Math.min(pull.tokens, ids.length - 1) };
    default:
      return pull satisfies never;
  }
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
