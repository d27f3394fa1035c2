/** What the panels of the production-stack router's dashboards ask Prometheus for, each once. @module */

/** One panel's question. */
export interface Query {
  /** As the dashboard has it, `$model_name` and `$__rate_interval` included. */
  readonly expr: string;
  /** Why a fleet of this router and vLLM's engines alone has nothing to say; absent where it has. */
  readonly absent?: Absence;
}

/** Why nothing is said. */
export type Absence = "lmcache" | "renamed";

/** What stands behind each reason. */
export const ABSENCES: Readonly<Record<Absence, string>> = {
  lmcache: "told by LMCache in an engine, to the Prometheus that scrapes it; nothing of a router",
  renamed: "asks engines for a name that vLLM has given up: vllm:prefix_cache_* has its place",
};

const MODEL = '{model_name="$model_name"}';

/** Of a histogram of vLLM's: some quantiles. */
function quantiles(name: string): readonly Query[] {
  return [0.99, 0.95, 0.9, 0.5].map((share) => ({
    expr: `histogram_quantile(${share}, sum by(le) ` +
      `(rate(vllm:${name}_bucket${MODEL}[$__rate_interval])))`,
  }));
}

/** And its mean. */
function mean(name: string): Query {
  const rate = (part: string): string => `rate(vllm:${name}_${part}${MODEL}[$__rate_interval])`;
  return { expr: `${rate("sum")}\n/\n${rate("count")}` };
}

function rate(name: string): Query {
  return { expr: `rate(vllm:${name}${MODEL}[$__rate_interval])` };
}

/** Every question, by dashboard. */
export const QUERIES: Readonly<Record<string, readonly Query[]>> = {
  "vllm-dashboard": [
    { expr: "sum(max by (server) (vllm:healthy_pods_total))" },
    {
      expr:
        "avg(vllm:e2e_request_latency_seconds_sum) / avg(vllm:e2e_request_latency_seconds_count)",
    },
    { expr: "sum by(le) (vllm:e2e_request_latency_seconds_bucket)" },
    { expr: "vllm:current_qps" },
    {
      expr: "avg(vllm:request_time_per_output_token_seconds_sum) / " +
        "avg(vllm:request_time_per_output_token_seconds_count)",
    },
    { expr: "sum by(le) (vllm:time_to_first_token_seconds_bucket)" },
    { expr: "vllm:num_requests_running" },
    { expr: "vllm:num_requests_waiting" },
    { expr: "vllm:kv_cache_usage_perc" },
    {
      expr: 'vllm:gpu_prefix_cache_hits_total{endpoint="service-port"} / ' +
        "vllm:gpu_prefix_cache_queries_total",
      absent: "renamed",
    },
    { expr: "router_cpu_usage_percent" },
    { expr: "router_memory_usage_percent" },
    { expr: "router_disk_usage_percent" },
  ],
  "vllm-model-metrics-dashboard": [
    ...quantiles("e2e_request_latency_seconds"),
    mean("e2e_request_latency_seconds"),
    rate("prompt_tokens_total"),
    rate("generation_tokens_total"),
    ...quantiles("request_time_per_output_token_seconds"),
    mean("request_time_per_output_token_seconds"),
    { expr: `vllm:num_requests_running${MODEL}` },
    { expr: `vllm:num_requests_waiting${MODEL}` },
    ...quantiles("time_to_first_token_seconds"),
    mean("time_to_first_token_seconds"),
    { expr: `vllm:kv_cache_usage_perc${MODEL}` },
    {
      expr: `sum by(le) (increase(vllm:request_prompt_tokens_bucket${MODEL}[$__rate_interval]))`,
    },
    {
      expr:
        `sum by(le) (increase(vllm:request_generation_tokens_bucket${MODEL}[$__rate_interval]))`,
    },
    {
      expr: "sum by(finished_reason) " +
        `(increase(vllm:request_success_total${MODEL}[$__rate_interval]))`,
    },
    rate("request_queue_time_seconds_sum"),
    rate("request_prefill_time_seconds_sum"),
    rate("request_decode_time_seconds_sum"),
    rate("request_max_num_generation_tokens_sum"),
  ],
  "lmcache-dashboard": [
    { expr: "vllm:time_to_first_token_seconds_sum / vllm:time_to_first_token_seconds_count" },
    {
      expr: "sum(rate(lmcache:retrieve_speed_sum[1m])) / " +
        "sum(rate(lmcache:retrieve_speed_count[1m])) / 1e3",
      absent: "lmcache",
    },
    {
      expr: "rate(lmcache:num_hit_tokens_total[1m]) / " +
        "(rate(lmcache:num_requested_tokens_total[1m]) + 1e-10) * 100",
      absent: "lmcache",
    },
    { expr: "lmcache:local_cache_usage / 1e9", absent: "lmcache" },
    { expr: "lmcache:num_requested_tokens_total", absent: "lmcache" },
    { expr: "lmcache:num_hit_tokens_total", absent: "lmcache" },
  ],
};

/** `expr` with the dashboard's variables filled in; `rateInterval` as Prometheus writes durations. */
export function filled(expr: string, model: string, rateInterval: string): string {
  return expr.replaceAll("$model_name", model).replaceAll("$__rate_interval", rateInterval);
}

/** The names of series that `expr` reads. */
export function seriesIn(expr: string): readonly string[] {
  return [...new Set(expr.match(/\b(?:vllm|lmcache):\w+|\brouter_\w+/g) ?? [])];
}
