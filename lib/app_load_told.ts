/** How load is told, in metrics and in the log: as the production-stack router does. @module */
import type { Logger } from "./base/mod.ts";
import type { EngineReading, Fleet, RequestFigures, RequestStats } from "./fleet/mod.ts";
import type { Metrics, ReplacedMetric } from "./metrics/mod.ts";

/** The engines that are there, and what they have said. */
type Loads = Fleet["all"];

/** What is known of one engine at a moment. */
interface Known {
  readonly labels: { readonly server: string };
  readonly load: EngineReading | undefined;
  readonly requests: RequestFigures | undefined;
  readonly serves: boolean;
}

/** What each gauge tells of an engine; undefined for nothing. */
const GAUGES: Readonly<Record<ReplacedMetric, (known: Known) => number | undefined>> = {
  "vllm:current_qps": ({ requests }) => requests?.qps ?? 0,
  "vllm:avg_latency": ({ requests }) => requests?.latency,
  "vllm:avg_itl": ({ requests }) => requests?.itl,
  "vllm:avg_decoding_length": ({ requests }) => requests?.decoding,
  "vllm:num_prefill_requests": ({ requests }) => requests?.inPrefill ?? 0,
  "vllm:num_decoding_requests": ({ requests }) => requests?.inDecoding ?? 0,
  "vllm:num_requests_running": ({ requests }) =>
    (requests?.inPrefill ?? 0) + (requests?.inDecoding ?? 0),
  "vllm:num_requests_waiting": ({ load }) => load?.waiting,
  "vllm:num_requests_swapped": ({ load }) => load?.swapped,
  "vllm:gpu_prefix_cache_hit_rate": ({ load }) => hitRateOf(load),
  "vllm:gpu_prefix_cache_hits_total": ({ load }) => load?.prefixHits,
  "vllm:gpu_prefix_cache_queries_total": ({ load }) => load?.prefixQueries,
  "vllm:healthy_pods_total": ({ serves }) => serves ? 1 : 0,
};

const NAMES = Object.keys(GAUGES) as readonly ReplacedMetric[];

/** Set the gauges of each engine that has told its models, to what is known of it. */
export function gaugeLoad(
  metrics: Pick<Metrics, "replace">,
  loads: Loads,
  requests: Pick<RequestStats, "of">,
): void {
  const heard = [...loads].filter(({ engine: { models } }) => models.length > 0);
  const engines = heard.map(({ engine: { url }, stats, verdict: { kind } }): Known => ({
    labels: { server: url },
    load: stats,
    requests: requests.of(url),
    serves: kind !== "shut" && kind !== "leaving",
  }));
  for (const name of NAMES) metrics.replace(name, seriesOf(engines, GAUGES[name]));
}

function* seriesOf(
  engines: readonly Known[],
  tell: (known: Known) => number | undefined,
): Generator<{ readonly labels: Known["labels"]; readonly value: number }> {
  for (const known of engines) {
    const value = tell(known);
    if (value !== undefined) yield { labels: known.labels, value };
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
