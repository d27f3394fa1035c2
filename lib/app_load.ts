/** What engines say of their load, and what the router's requests are like: read, told and logged. @module */
import {
  type Breather,
  type Clock,
  every,
  inSlices,
  type Logger,
  type Random,
  RouterError,
} from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  ENGINE_SERIES,
  engineReadingOf,
  type FactsWatch,
  type Fleet,
  type FleetChange,
  type FleetObserver,
  LoadWatch,
  RequestStats,
  TOLD_SERIES,
  toldIn,
} from "./fleet/mod.ts";
import { type Metrics, SampleReader, type Samples } from "./metrics/mod.ts";
import type { FlowDeps } from "./request/mod.ts";
import { gaugeLoad, logLoad } from "./app_load_told.ts";

/** Largest answer of an engine's `/metrics`, in bytes. */
const MAX_METRICS_BYTES = 8 * 1024 * 1024;

/** What of it is read. */
const SERIES = [...ENGINE_SERIES, ...TOLD_SERIES];

/** Longest wait for it, and within it, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** Reads what an engine tells of itself; undefined where the status is not 200. */
export type ReadMetrics = (url: string, signal: AbortSignal) => Promise<Samples | undefined>;

/** What metrics of engines are read with. */
export interface MetricsReaderDeps extends Pick<FlowDeps, "upstream" | "timeouts"> {
  readonly breather: Breather;
}

/** Asks engines for their metrics, with the router's own key. */
export function metricsReader(
  { upstream, timeouts, breather }: MetricsReaderDeps,
  apiKey: string | undefined,
): ReadMetrics {
  const headers = apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`] as const];
  return async (url, signal) => {
    using response = await upstream.send({
      method: "GET",
      url,
      path: "/metrics",
      headers,
      replayable: true,
      connectTimeoutMs: timeouts.connectMs,
      headTimeoutMs: TIMEOUT_MS,
      idleTimeoutMs: TIMEOUT_MS,
      signal,
    });
    const reader = new SampleReader(SERIES);
    let size = 0;
    for (let bytes = await response.read(); bytes !== undefined; bytes = await response.read()) {
      size += bytes.length;
      if (size > MAX_METRICS_BYTES) {
        const message = `Engine ${url} answered /metrics with more than ${MAX_METRICS_BYTES} bytes`;
        throw new RouterError("upstream-protocol", message);
      }
      // Bytes are a view: what is left over of them is copied before more are read.
      await inSlices(reader.push(bytes), breather);
    }
    return response.status === 200 ? reader.end() : undefined;
  };
}

/** What statistics are made with. */
export interface LoadDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The statistics of requests, and who fills and forgets them. */
export interface RequestLoad {
  readonly stats: RequestStats;
  readonly observer: Pick<FleetObserver, "onInflight" | "onFirst" | "onOutcome">;
  follow(change: FleetChange): void;
}

/** Counts requests by the engines that serve them. */
export function requestLoad(
  { clock, metrics }: Pick<LoadDeps, "clock" | "metrics">,
  { requestWindowMs }: Pick<RouterConfig["stats"], "requestWindowMs">,
): RequestLoad {
  const stats = new RequestStats(clock, requestWindowMs);
  return {
    stats,
    observer: {
      onInflight: (engine, _leg, delta) => stats.onInflight(engine, delta),
      onFirst: (engine) => stats.onFirst(engine),
      onOutcome(outcome) {
        stats.onOutcome(outcome);
        const { engine: { url: server }, leg, model: name, end, code, tokens } = outcome;
        if (name === undefined) return;
        const model = metrics.modelLabel(name);
        if (end === "failed" && code !== undefined) {
          const labels = { server, model, error_type: code };
          metrics.count("vllm:request_errors_total", labels);
        }
        // The prompt of a handoff is counted once, and what nobody has told not at all.
        if (leg === "prefill" || tokens === undefined || tokens.about === true) return;
        const { prompt = 0, answer } = tokens;
        metrics.count("vllm:input_tokens_total", { server, model }, prompt);
        metrics.count("vllm:output_tokens_total", { server, model }, answer);
      },
    },
    follow({ kind, engine }) {
      if (kind === "forgotten") stats.forget(engine.url);
    },
  };
}

/** Both are told. */
export function bothObservers(
  one: FleetObserver,
  other: RequestLoad["observer"],
): FleetObserver {
  return {
    ...one,
    onInflight(engine, leg, delta) {
      one.onInflight(engine, leg, delta);
      other.onInflight(engine, leg, delta);
    },
    onFirst(engine, leg) {
      one.onFirst?.(engine, leg);
      other.onFirst?.(engine, leg);
    },
    onOutcome(outcome) {
      one.onOutcome(outcome);
      other.onOutcome(outcome);
    },
  };
}

/** The readings of engines, and what is told of them. */
export interface RunningLoad extends AsyncDisposable {
  /** Set the gauges to what holds at this moment. */
  gauge(): void;
}

/** What is measured and logged at intervals. */
export function loadOptions(
  { stats }: RouterConfig,
): Omit<RouterConfig["stats"], "requestWindowMs"> {
  const { requestWindowMs: _window, ...options } = stats;
  return options;
}

/** Begin to read engines' load, and to log it where that is wanted. */
export function startLoad(
  { clock, random, log, metrics, fleet, read, facts, stats }: LoadDeps & {
    readonly fleet: Fleet;
    readonly read: ReadMetrics;
    readonly facts?: Pick<FactsWatch, "read">;
    readonly stats: RequestStats;
  },
  options: RouterConfig["stats"],
): RunningLoad {
  const watch = new LoadWatch({
    clock,
    random,
    log,
    fleet,
    everyMs: options.engineIntervalMs,
    read: async (engine, signal) => {
      const samples = await read(engine.url, signal);
      if (samples !== undefined && !signal.aborted) facts?.read(engine, toldIn(samples));
      return samples && engineReadingOf(samples);
    },
    onReading: ({ url: server }, result) =>
      metrics.count("pd_router_engine_readings_total", { server, result }),
  });
  const logging = options.log
    ? every(clock, options.logIntervalMs, () => logLoad(log, fleet.all, stats))
    : undefined;
  return {
    gauge: () => gaugeLoad(metrics, fleet.all, stats),
    async [Symbol.asyncDispose]() {
      logging?.cancel();
      await watch[Symbol.asyncDispose]();
    },
  };
}
