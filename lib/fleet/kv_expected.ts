/** How much of a prompt's KV a handoff should bring, whatever its engines' sizes are. Pure. @module */
import type { KvName } from "../base/mod.ts";

/** Sizes in tokens in which KV moves, the usual one first; LMCache's chunks, vLLM's blocks. */
const UNITS = {
  lmcache: [256, 512, 1_024, 2_048, 4_096],
  nixl: [16, 32, 64, 128, 256],
  shared_storage: [256, 512, 1_024, 2_048, 4_096],
} as const satisfies Readonly<Record<KvName, readonly number[]>>;

/**
 * The fewest tokens of a prompt of `promptTokens` whose KV a decode engine finds when all is well: a
 * last piece that is not full may stay behind, so may the last token, and the pieces may be larger
 * than usual. 0 where nothing need come.
 */
export function leastExpected(kv: KvName, promptTokens: number): number {
  const most = promptTokens - 1;
  let least = 0;
  for (const unit of UNITS[kv]) {
    if (unit > most) break;
    const whole = most - most % unit;
    least = least === 0 ? whole : Math.min(least, whole);
  }
  return least;
}

/** Block sizes of engines are multiples of it. */
const LEAST_BLOCK = 16;

/**
 * Whether `cached` tokens can be of the decode engine's own prefix cache, which has whole blocks only:
 * then they prove nothing.
 */
export function mayBeOwn(cached: number): boolean {
  return cached % LEAST_BLOCK === 0;
}

/** Prompts of fewer tokens say nothing, even where KV of them was announced. */
const LEAST_TELLING = 64;

/**
 * Whether a prompt below the usual size should have come all the same: its KV was announced, which is
 * not done for KV that is not stored.
 */
export function isAnnouncedTail(kv: KvName, promptTokens: number): boolean {
  return kv === "lmcache" && promptTokens >= LEAST_TELLING && leastExpected(kv, promptTokens) === 0;
}
