/** How load is told, in metrics and in the log: as the production-stack router does. @module */
import type { Logger } from "./base/mod.ts";
import type { Fleet, RequestFigures, RequestStats } from "./fleet/mod.ts";
import type { Metrics } from "./metrics/mod.ts";

/** The engines that are there, and what they have said. */
type Loads = Fleet["all"];

/** Gauges that tell of one engine. */
type ServerGauge = Extract<
  Parameters<Metrics["drop"]>[0],
  Parameters<Metrics["set"]>[0] & `vllm:${string}`
>;

/** Set the gauges of each engine; one of which nothing is known is not told. */
export function gaugeLoad(
  metrics: Pick<Metrics, "set" | "drop">,
  loads: Loads,
  requests: Pick<RequestStats, "of">,
): void {
  for (const { engine: { url: server, models }, stats, verdict: { kind } } of loads) {
    const labels = { server };
    const tell = (name: ServerGauge, value: number | undefined): void => {
      if (value === undefined) metrics.drop(name, labels);
      else metrics.set(name, labels, value);
    };
    const figures = requests.of(server);
    tell("vllm:current_qps", figures?.qps ?? 0);
    tell("vllm:avg_latency", figures?.latency);
    tell("vllm:avg_itl", figures?.itl);
    tell("vllm:avg_decoding_length", figures?.decoding);
    tell("vllm:num_prefill_requests", figures?.inPrefill ?? 0);
    tell("vllm:num_decoding_requests", figures?.inDecoding ?? 0);
    tell("vllm:num_requests_running", (figures?.inPrefill ?? 0) + (figures?.inDecoding ?? 0));
    tell("vllm:num_requests_waiting", stats?.waiting);
    tell("vllm:num_requests_swapped", stats?.swapped);
    tell("vllm:gpu_prefix_cache_hit_rate", hitRateOf(stats));
    tell("vllm:gpu_prefix_cache_hits_total", stats?.prefixHits);
    tell("vllm:gpu_prefix_cache_queries_total", stats?.prefixQueries);
    const serves = models.length > 0 && kind !== "shut" && kind !== "leaving";
    tell("vllm:healthy_pods_total", serves ? 1 : 0);
  }
}

const RULE = "=".repeat(50);
const LINE = "-".repeat(50);

/** Write what is known of each engine, in the lines that the production-stack router writes. */
export function logLoad(log: Logger, loads: Loads, requests: Pick<RequestStats, "of">): void {
  if (!log.enabled("info")) return;
  log.info(RULE);
  for (const { engine: { url, models }, stats } of loads) {
    log.info(`Model: ${models.join(",")}`);
    log.info(`Server: ${url}`);
    log.info(
      stats === undefined
        ? " Engine Stats: No stats available"
        : ` Engine Stats: Running Requests: ${stats.running}, Queued Requests: ${stats.waiting}, ` +
          `GPU Cache Hit Rate: ${(hitRateOf(stats) ?? 0).toFixed(2)}`,
    );
    const figures = requests.of(url);
    log.info(` Request Stats: ${figures === undefined ? "No stats available" : said(figures)}`);
    log.info(LINE);
  }
  log.info(RULE);
}

/** What is not known is -1, as there. */
function said(figures: RequestFigures): string {
  const { qps, latency = -1, itl = -1, inPrefill, inDecoding, finished, uptime } = figures;
  return `QPS: ${qps.toFixed(2)}, Avg Latency: ${latency}, Avg ITL: ${itl}, ` +
    `Prefill Requests: ${inPrefill}, Decoding Requests: ${inDecoding}, ` +
    `Finished: ${finished}, Uptime: ${uptime.toFixed(2)} sec`;
}

/** Share of the tokens looked up that were found; undefined before any was. */
function hitRateOf(
  stats: { readonly prefixHits?: number; readonly prefixQueries?: number } | undefined,
): number | undefined {
  const { prefixHits, prefixQueries = 0 } = stats ?? {};
  return prefixHits === undefined || prefixQueries === 0 ? undefined : prefixHits / prefixQueries;
}
