/** `/metrics` in the names of vLLM (`docs/design/metrics.md`). @module */
import type { EngineCore } from "./core.ts";
import type { Histogram } from "./latency.ts";

interface Metric {
  readonly name: string;
  readonly kind: "gauge" | "counter";
  readonly help: string;
  readonly value: number;
  /** A label of its own, with its comma. */
  readonly label?: string;
}

/** The exposition text. */
export function metricsText(core: EngineCore): string {
  const { stats, options } = core;
  const labels = `engine="0",model_name="${escapeLabel(options.models[0] ?? "")}"`;
  const { count } = stats;
  const held = core.kv?.held(options.leakAfterMs).heldKv ?? 0;
  const metrics: readonly Metric[] = [
    gauge("num_requests_running", "Requests in execution", stats.runningNow),
    gauge("num_requests_waiting", "Requests waiting", core.admission.waiting),
    {
      ...gauge("num_requests_waiting_by_reason", "Requests waiting", core.admission.waiting),
      label: ',reason="capacity"',
    },
    gauge(
      "kv_cache_usage_perc",
      "KV cache in use, 1 is all",
      Math.min(1, (held * options.chunkSize) / (options.kvBlocks * options.blockSize)),
    ),
    counter("prefix_cache_queries", "Prompt tokens looked up", count.prefixQueryTokens),
    counter("prefix_cache_hits", "Prompt tokens found", count.prefixHitTokens),
    counter(
      "external_prefix_cache_queries",
      "Prompt tokens looked up at the KV connector",
      count.externalQueryTokens,
    ),
    counter(
      "external_prefix_cache_hits",
      "Prompt tokens found by the KV connector",
      count.externalHitTokens,
    ),
    counter("prompt_tokens", "Prefill tokens processed", count.promptTokens),
    {
      ...counter("prompt_tokens_by_source", "Prompt tokens by source", count.promptTokens),
      label: ',source="local_compute"',
    },
    counter("prompt_tokens_cached", "Prompt tokens found in a cache", count.prefixHitTokens),
    {
      ...counter("prompt_tokens_cached_by_source", "Cached prompt tokens", count.prefixHitTokens),
      label: ',source="local_cache_hit"',
    },
    counter("generation_tokens", "Generation tokens processed", count.generationTokens),
    counter("num_preemptions", "Requests set back: none are simulated", 0),
    ...Object.entries(core.finished.reasons).map(([reason, value]) => ({
      ...counter("request_success", "Finished requests", value),
      label: `,finished_reason="${reason}"`,
    })),
  ];
  const announced = new Set<string>();
  const lines = metrics.flatMap(({ name, kind, help, value, label = "" }) => {
    const heads = [`# HELP vllm:${name} ${help}.`, `# TYPE vllm:${name} ${kind}`];
    const sample = `vllm:${name}{${labels}${label}} ${value}`;
    if (announced.has(name)) return [sample];
    announced.add(name);
    return [...heads, sample];
  });
  for (const [name, histogram] of core.finished.histograms()) {
    lines.push(...histogramLines(name, labels, histogram));
  }
  if (core.nixl !== undefined) lines.push(...nixlLines(labels, count));
  if (options.kvConnector === "lmcache") lines.push(...lmcacheLines(count));
  lines.push(...processLines(core), ...cacheLines(core));
  return lines.join("\n") + "\n";
}

/** What prometheus_client tells of a process. */
function processLines({ life }: EngineCore): readonly string[] {
  const name = "process_start_time_seconds";
  return [
    `# HELP ${name} Start time of the process since unix epoch in seconds.`,
    `# TYPE ${name} gauge`,
    `${name} ${life.startedMs / 1000}`,
  ];
}

/** The fields of vLLM's `CacheConfig` that others go by. */
function cacheLines({ options }: EngineCore): readonly string[] {
  const { blockSize, kvBlocks, prefixCaching } = options;
  const fields = [
    `block_size="${blockSize}"`,
    `cache_dtype="${escapeLabel(options.cacheDtype)}"`,
    `enable_prefix_caching="${prefixCaching ? "True" : "False"}"`,
    'engine="0"',
    `num_gpu_blocks="${kvBlocks}"`,
  ];
  return [
    "# HELP vllm:cache_config_info Information of the LLMEngine CacheConfig",
    "# TYPE vllm:cache_config_info gauge",
    `vllm:cache_config_info{${fields.join(",")}} 1.0`,
  ];
}

/** What LMCache counts (`lmcache/observability.py`), where its metrics are gathered from all processes. */
function lmcacheLines(count: EngineCore["stats"]["count"]): readonly string[] {
  const counters = [
    ["num_requested_tokens", count.externalQueryTokens],
    ["num_hit_tokens", count.externalHitTokens],
  ] as const;
  return counters.flatMap(([name, value]) => [
    `# TYPE lmcache:${name} counter`,
    `lmcache:${name}_total ${value}`,
  ]);
}

/** What NixlConnector counts; sizes and times of transfers are not simulated. */
function nixlLines(labels: string, count: EngineCore["stats"]["count"]): readonly string[] {
  const counters = [
    ["nixl_num_failed_transfers", count.kvLoadFailures],
    ["nixl_num_failed_notifications", 0],
    ["nixl_num_kv_expired_reqs", count.expired],
    ["nixl_num_notifications_after_expiry", 0],
  ] as const;
  const sizes = ["xfer_time_seconds", "post_time_seconds", "bytes_transferred", "num_descriptors"];
  const transfers = count.externalHits;
  return [
    ...sizes.flatMap((size) => [
      `# HELP vllm:nixl_${size} Histogram of transfers.`,
      `# TYPE vllm:nixl_${size} histogram`,
      `vllm:nixl_${size}_bucket{${labels},le="+Inf"} ${transfers}`,
      `vllm:nixl_${size}_sum{${labels}} 0`,
      `vllm:nixl_${size}_count{${labels}} ${transfers}`,
    ]),
    ...counters.flatMap(([name, value]) => [
      `# HELP vllm:${name}_total Counter of the connector.`,
      `# TYPE vllm:${name}_total counter`,
      `vllm:${name}_total{${labels}} ${value}`,
    ]),
  ];
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, kind: "gauge", help, value };
}

function counter(name: string, help: string, value: number): Metric {
  return { name: `${name}_total`, kind: "counter", help, value };
}

function histogramLines(
  name: string,
  labels: string,
  histogram: Histogram,
): readonly string[] {
  const lines = [`# HELP vllm:${name} Histogram.`, `# TYPE vllm:${name} histogram`];
  for (const [bound, value] of histogram.cumulative()) {
    lines.push(`vllm:${name}_bucket{${labels},le="${bound}"} ${value}`);
  }
  lines.push(`vllm:${name}_sum{${labels}} ${histogram.sum}`);
  lines.push(`vllm:${name}_count{${labels}} ${histogram.count}`);
  return lines;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
