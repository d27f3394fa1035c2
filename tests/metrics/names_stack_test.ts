import { type MetricSpec, STACK_METRICS } from "../../lib/metrics/mod.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";

/** Kind and labels by name, as that router has them. */
const SERVER_GAUGES = [
  "vllm:current_qps",
  "vllm:avg_decoding_length",
  "vllm:num_prefill_requests",
  "vllm:num_decoding_requests",
  "vllm:num_requests_running",
  "vllm:num_requests_waiting",
  "vllm:avg_latency",
  "vllm:avg_itl",
  "vllm:num_requests_swapped",
  "vllm:gpu_prefix_cache_hit_rate",
  "vllm:gpu_prefix_cache_hits_total",
  "vllm:gpu_prefix_cache_queries_total",
  "vllm:healthy_pods_total",
];

const WANTED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(SERVER_GAUGES.map((name) => [name, "gauge server"])),
  "vllm:num_incoming_requests_total": "counter model",
  "vllm:input_tokens_total": "counter server,model",
  "vllm:output_tokens_total": "counter server,model",
  "vllm:request_errors_total": "counter server,model,error_type",
  "vllm:request_latency_seconds": "histogram server,model,status",
  "router_cpu_usage_percent": "gauge ",
  "router_memory_usage_percent": "gauge ",
  "router_disk_usage_percent": "gauge ",
};

const SPECS = Object.entries<MetricSpec>(STACK_METRICS);

Deno.test("STACK_METRICS are those of the production-stack router, of its kinds and labels", () => {
  const found = SPECS.map(([name, { kind, labels }]) => [name, `${kind} ${labels}`]);
  assertEquals(Object.fromEntries(found), WANTED);
  assertEquals(
    STACK_METRICS["vllm:request_latency_seconds"].buckets.join(" "),
    "0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 120",
  );
});

Deno.test("STACK_METRICS have a help sentence", () => {
  for (const [name, { help }] of SPECS) assertMatch(help, /^[A-Z].*\.$/, name);
});
