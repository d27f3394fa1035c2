/**
 * Metrics under the names and labels of the production-stack router, for the dashboards and alerts that
 * know them. Of the same kinds as there: some gauges have names of counters.
 * @module
 */
import type { MetricSpec } from "./names.ts";

const LATENCY_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** All of them by name. */
export const STACK_METRICS = {
  "vllm:current_qps": {
    kind: "gauge",
    help: "Requests sent to the engine in a second, over --request-stats-window.",
    labels: ["server"],
  },
  "vllm:avg_latency": {
    kind: "gauge",
    help: "Seconds from the choice of the engine to the end of its answer, on average over the " +
      "window; absent where none has ended.",
    labels: ["server"],
  },
  "vllm:avg_itl": {
    kind: "gauge",
    help: "Seconds between two tokens of its streams, on average over the window; absent where " +
      "none has ended.",
    labels: ["server"],
  },
  "vllm:avg_decoding_length": {
    kind: "gauge",
    help: "Seconds from the first token of its streams to their end, on average over the window; " +
      "absent where none has ended.",
    labels: ["server"],
  },
  "vllm:num_prefill_requests": {
    kind: "gauge",
    help: "This router's requests at the engine that have no token yet.",
    labels: ["server"],
  },
  "vllm:num_decoding_requests": {
    kind: "gauge",
    help: "This router's requests at the engine whose stream has begun.",
    labels: ["server"],
  },
  "vllm:num_requests_running": {
    kind: "gauge",
    help: "This router's requests at the engine.",
    labels: ["server"],
  },
  "vllm:num_requests_waiting": {
    kind: "gauge",
    help: "Requests that wait in the engine, of all its clients, as it said last.",
    labels: ["server"],
  },
  "vllm:num_requests_swapped": {
    kind: "gauge",
    help: "Requests that the engine has swapped out, as it said last; engines of vLLM's V1 do not.",
    labels: ["server"],
  },
  "vllm:gpu_prefix_cache_hit_rate": {
    kind: "gauge",
    help: "Of the tokens looked up in the engine's prefix cache, the share that was found.",
    labels: ["server"],
  },
  "vllm:gpu_prefix_cache_hits_total": {
    kind: "gauge",
    help: "Tokens found in the engine's prefix cache, as it said last.",
    labels: ["server"],
  },
  "vllm:gpu_prefix_cache_queries_total": {
    kind: "gauge",
    help: "Tokens looked up in the engine's prefix cache, as it said last.",
    labels: ["server"],
  },
  "vllm:healthy_pods_total": {
    kind: "gauge",
    help: "Whether the engine is there and not gone around (1 or 0).",
    labels: ["server"],
  },
  "vllm:num_incoming_requests_total": {
    kind: "counter",
    help: "Requests whose body could be read, by model: unknown for one that no engine serves.",
    labels: ["model"],
  },
  "vllm:input_tokens_total": {
    kind: "counter",
    help: "Prompt tokens, as answers told, by the engine that gave the answer.",
    labels: ["server", "model"],
  },
  "vllm:output_tokens_total": {
    kind: "counter",
    help: "Tokens of answers, as these told, by the engine that gave the answer.",
    labels: ["server", "model"],
  },
  "vllm:request_errors_total": {
    kind: "counter",
    help: "Requests at which an engine has failed, by error code.",
    labels: ["server", "model", "error_type"],
  },
  "vllm:request_latency_seconds": {
    kind: "histogram",
    help: "Time from a request's arrival to the end of its answer, by the engine that gave it.",
    labels: ["server", "model", "status"],
    buckets: LATENCY_SECONDS,
  },
  "router_cpu_usage_percent": {
    kind: "gauge",
    help: "CPU time of this router since the last reading, in percent of one CPU.",
    labels: [],
  },
  "router_memory_usage_percent": {
    kind: "gauge",
    help: "Memory in use on this machine; absent without --allow-sys=systemMemoryInfo.",
    labels: [],
  },
  "router_disk_usage_percent": {
    kind: "gauge",
    help: "Disk space in use under /; absent without --allow-read=/ and --allow-sys=statfs.",
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
