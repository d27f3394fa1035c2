/** What an engine tells of its process and of its KV, in its metrics and besides. Pure. @module */
import { labelIn, type Samples } from "../metrics/mod.ts";

/** As far as it tells. */
export interface EngineTold {
  /** vLLM's version. */
  readonly version?: string;
  /** Tokens in a block of its KV cache, and the type of what is in it. */
  readonly blockSize?: string;
  readonly cacheDtype?: string;
  /** Unix seconds at which its process began; not told where vLLM's metrics are of several processes. */
  readonly started?: number;
  /** Prompt tokens that it has computed since then. */
  readonly prompts?: number;
}

/** Source: prometheus_client `process_collector.py`; vLLM `vllm/v1/metrics/loggers.py`. */
const STARTED = "process_start_time_seconds";
const CACHE = "vllm:cache_config_info";
const PROMPTS = ["vllm:prompt_tokens_total", "vllm:prompt_tokens"] as const;

/** The names of metrics that tell of it. */
export const TOLD_SERIES: readonly string[] = [STARTED, CACHE, ...PROMPTS];

/** Longest value of a label that is kept, in characters. */
const MAX_TEXT = 100;

/** What `samples` tell. */
export function toldIn(samples: Samples): Omit<EngineTold, "version"> {
  const started = samples.get(STARTED);
  const [prompts] = PROMPTS.flatMap((name) => samples.get(name) ?? []);
  const labels = samples.get(CACHE)?.labels;
  const blockSize = labels && labelIn(labels, "block_size")?.slice(0, MAX_TEXT);
  const cacheDtype = labels && labelIn(labels, "cache_dtype")?.slice(0, MAX_TEXT);
  return {
    // Of several processes at one address, none is the engine's.
    ...(started?.count === 1 ? { started: started.sum } : {}),
    ...(prompts === undefined ? {} : { prompts: prompts.sum }),
    ...(isTold(blockSize) ? { blockSize } : {}),
    ...(isTold(cacheDtype) ? { cacheDtype } : {}),
  };
}

/** Python writes `None` of what it does not know. */
function isTold(value: string | undefined): value is string {
  return value !== undefined && value !== "" && value !== "None";
}
