/** What vLLM calls the figures of an engine's load in its metrics, by generation, and what they say. @module */
import type { Samples, SampleSum } from "../metrics/mod.ts";
import type { EngineStats } from "../selection/mod.ts";

/** What one reading tells; whoever takes it knows when it was, and what was under way. */
export type EngineReading = Omit<EngineStats, "own" | "readMs"> & {
  /** Requests that have been swapped out; absent where engines do not. */
  readonly swapped?: number;
};

/**
 * Names by figure, the latest first: an engine between two generations tells both, of the same figure.
 * Source: vLLM `vllm/v1/metrics/loggers.py`, `vllm/engine/metrics.py`.
 */
const NAMES = {
  running: ["vllm:num_requests_running"],
  waiting: ["vllm:num_requests_waiting"],
  swapped: ["vllm:num_requests_swapped"],
  kvUse: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
  prefixQueries: counters("vllm:prefix_cache_queries", "vllm:gpu_prefix_cache_queries"),
  prefixHits: counters("vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits"),
  externalQueries: counters("vllm:external_prefix_cache_queries"),
  externalHits: counters("vllm:external_prefix_cache_hits"),
  preemptions: counters("vllm:num_preemptions"),
} as const satisfies Readonly<Record<keyof EngineReading, readonly string[]>>;

/** Every name that says something of an engine. */
export const ENGINE_SERIES: readonly string[] = Object.values(NAMES).flat();

/**
 * What `samples` say of an engine's load; undefined where they say nothing of it. Requests, tokens and
 * preemptions are those of all ranks and models together. KV use is the mean over ranks: an engine gives
 * a request to a rank that has room.
 */
export function engineReadingOf(samples: Samples): EngineReading | undefined {
  const running = totalOf(samples, "running");
  const waiting = totalOf(samples, "waiting");
  if (running === undefined && waiting === undefined) return undefined;
  const kv = firstOf(samples, "kvUse");
  return {
    running: running ?? 0,
    waiting: waiting ?? 0,
    ...(kv === undefined ? {} : { kvUse: Math.min(1, Math.max(0, kv.sum / kv.count)) }),
    ...told(samples, "swapped"),
    ...told(samples, "prefixQueries"),
    ...told(samples, "prefixHits"),
    ...told(samples, "externalQueries"),
    ...told(samples, "externalHits"),
    ...told(samples, "preemptions"),
  };
}

/** Tokens that a KV connector, and an engine's own cache, have found; undefined where it is not told. */
export function hitsIn(samples: Samples): {
  readonly external: number | undefined;
  readonly own: number | undefined;
} {
  return { external: totalOf(samples, "externalHits"), own: totalOf(samples, "prefixHits") };
}

type Figure = keyof typeof NAMES;

function firstOf(samples: Samples, figure: Figure): SampleSum | undefined {
  for (const name of NAMES[figure]) {
    const found = samples.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Over all ranks; negative counts are none. */
function totalOf(samples: Samples, figure: Figure): number | undefined {
  const found = firstOf(samples, figure);
  return found && Math.max(0, found.sum);
}

function told<F extends Figure>(samples: Samples, figure: F): { readonly [key in F]?: number } {
  const total = totalOf(samples, figure);
  const member: { [key in F]?: number } = {};
  if (total !== undefined) member[figure] = total;
  return member;
}

/** Counters end in `_total`, but for those of the first generations. */
function counters(...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [`${name}_total`, name]);
}
