/** The counters of an engine that tell of KV: read from its metrics. @module */

/** What an engine has counted since its start, in tokens. */
export interface KvCounters {
  /** Found by its KV connector. */
  readonly external: number;
  /** Found in its own prefix cache. */
  readonly own: number;
}

/** Names of vLLM's counters, by generation. */
const EXTERNAL = ["vllm:external_prefix_cache_hits_total", "vllm:external_prefix_cache_hits"];
const OWN = [
  "vllm:prefix_cache_hits_total",
  "vllm:prefix_cache_hits",
  "vllm:gpu_prefix_cache_hits_total",
  "vllm:gpu_prefix_cache_hits",
];

/** The counters in a text of Prometheus metrics; undefined where the engine does not count KV. */
export function kvCountersOf(text: string): KvCounters | undefined {
  const external = firstSum(text, EXTERNAL);
  return external === undefined ? undefined : { external, own: firstSum(text, OWN) ?? 0 };
}

/** Over all of an engine's series of the first name that it has. */
function firstSum(text: string, names: readonly string[]): number | undefined {
  for (const name of names) {
    const sum = sumOf(text, name);
    if (sum !== undefined) return sum;
  }
  return undefined;
}

function sumOf(text: string, name: string): number | undefined {
  let sum: number | undefined;
  for (const line of text.split("\n")) {
    if (!line.startsWith(name)) continue;
    const [, value = ""] = /^(?:\{.*\})? +(\S+)/.exec(line.slice(name.length)) ?? [];
    const count = value === "" ? NaN : Number(value);
    if (Number.isFinite(count)) sum = (sum ?? 0) + count;
  }
  return sum;
}
