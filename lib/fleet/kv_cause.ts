/** What is likely to keep KV from being found where it should be. Pure. @module */
import type { KvName } from "../base/mod.ts";

/** What to look at, by what the engines are likely to differ in. */
const LOOKS = {
  hash_seed: "PYTHONHASHSEED must be set, and equal, on both engines: none of the KV is found; " +
    "then chunk_size and skip_last_n_tokens",
  chunk_size: "LMCache's chunk_size must be equal on both engines: short prompts are found, " +
    "longer ones are not",
  skip_last_n_tokens:
    "the decode engine's skip_last_n_tokens must be 1 with the first token from " +
    "prefill, else 0, and discard_partial_chunks false: last chunks are not found",
  lost_chunks:
    "a part of the KV is missing: look for failed transfers and a full PD buffer in the " +
    "engines' logs, and compare their chunk_size",
  block_size:
    "compare block size, KV cache dtype and layout, and vLLM version of both engines, and " +
    "look for failed transfers in the decode engine's log",
  model: "the engines do not serve the same: compare model and dtype",
} as const;

/** Why KV is not found, as far as that shows. */
export type KvCause = keyof typeof LOOKS;

/** What has been seen of a pair. */
export interface KvSeen {
  /** KV of prompts below the usual size was found, or was not though it was announced. */
  readonly smallCame: boolean;
  readonly smallMissed: boolean;
  /** The same of larger ones. */
  readonly largeCame: boolean;
  readonly largeMissed: boolean;
  /** Something was found where more should have been. */
  readonly some: boolean;
  /** The engines say that their models are others. */
  readonly otherModel: boolean;
}

/** The likely cause. */
export function likelyCause(kv: KvName, seen: KvSeen): KvCause {
  if (seen.otherModel) return "model";
  if (kv === "nixl") return "block_size";
  if (seen.some) return "lost_chunks";
  if (!seen.largeMissed && seen.largeCame) return "skip_last_n_tokens";
  return seen.largeMissed && seen.smallCame ? "chunk_size" : "hash_seed";
}

/** What to look at, for people. */
export function whereToLook(cause: KvCause): string {
  return LOOKS[cause];
}
