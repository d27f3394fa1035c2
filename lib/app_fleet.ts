/** What the fleet is given by the rest of the router, and what the rest forgets with it. @module */
import {
  type Engine,
  type ErrorCode,
  errorCodeOf,
  jsonOf,
  type Role,
  RouterError,
} from "./base/mod.ts";
import type { RouterConfig } from "./config/mod.ts";
import {
  type FactsWatch,
  type FetchCards,
  type FleetChange,
  type FleetObserver,
  type HealthRules,
  type KeyRefusals,
  type Leg,
  NoModelList,
  type SeatLimits,
  type ServingLeg,
} from "./fleet/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import { modelCardsOf } from "./openai/mod.ts";
import { exchange, type FlowDeps } from "./request/mod.ts";
import type { PromptSource } from "./tokenization/mod.ts";
import type { PooledUpstreamClient } from "./upstream/mod.ts";

/** Legs whose failures are counted as an engine's: the others are the router's own questions. */
const COUNTED: ReadonlySet<Leg> = new Set(["prefill", "decode", "direct", "tokenize", "check"]);

const ROLES: readonly Role[] = ["prefill", "decode", "any"];

type InflightLabels = { readonly server: string; readonly leg: ServingLeg };

/** Counts what happens to engines, and notes who refuses the router's key. */
export function fleetObserver(
  metrics: Metrics,
  keyRefusals?: KeyRefusals,
  others: readonly Pick<FactsWatch, "landed">[] = [],
): FleetObserver {
  // One object for each series, as every request counts there and back.
  const series = new WeakMap<Engine, Map<ServingLeg, InflightLabels>>();
  const labelsOf = (engine: Engine, leg: ServingLeg): InflightLabels => {
    let known = series.get(engine);
    if (known === undefined) series.set(engine, known = new Map());
    let labels = known.get(leg);
    if (labels === undefined) known.set(leg, labels = { server: engine.url, leg });
    return labels;
  };
  return {
    onInflight: (engine, leg, delta) =>
      metrics.add("pd_router_inflight_requests", labelsOf(engine, leg), delta),
    onOutcome(outcome) {
      keyRefusals?.report(outcome);
      for (const other of others) other.landed(outcome);
      const { engine: { url, role }, leg, end, code, refused = false } = outcome;
      if (leg === "models" && end !== "left") {
        // Given another role, it is told of under that alone.
        for (const other of ROLES) {
          if (other !== role) metrics.drop("pd_router_engine_up", { server: url, role: other });
        }
        metrics.set("pd_router_engine_up", { server: url, role }, end === "ok" ? 1 : 0);
      }
      // That KV does not come is the pair's, and counted as a time-out of the wait.
      if (end !== "failed" || code === undefined || code === "kv-timeout") return;
      // What a decode engine refuses is the request's fault, in every mode.
      if (refused && leg === "decode") return;
      if (COUNTED.has(leg)) {
        metrics.count("pd_router_engine_errors_total", { server: url, leg, code });
      }
    },
    onVerdict: (_engine, { kind }) =>
      metrics.count("pd_router_verdict_changes_total", { to: kind }),
  };
}

/** What keeps something of engines. */
interface Keepers {
  readonly metrics: Metrics;
  readonly upstream: Pick<PooledUpstreamClient, "forget">;
  readonly prompts: Pick<PromptSource, "forget"> | undefined;
}

/** Has everything forgotten that is kept of an engine, once it is gone and nothing is under way. */
export function forgetGone(
  { metrics, upstream, prompts }: Keepers,
): (change: FleetChange) => void {
  return ({ kind, engine }) => {
    if (kind === "removed") prompts?.forget(engine);
    if (kind !== "forgotten") return;
    metrics.forgetServer(engine.url);
    upstream.forget(engine.url);
  };
}

/** Largest model list, in bytes. */
const MAX_CARDS_BYTES = 4 * 1024 * 1024;

/** Longest wait for a model list, in milliseconds. */
const CARDS_TIMEOUT_MS = 5_000;

/** Ends of that question that are left to the one for models to meet. */
const NO_HEALTH: ReadonlySet<ErrorCode | undefined> = new Set([
  "upstream-timeout",
  "upstream-protocol",
  "upstream-lost",
]);

/** Longest wait for an answer of `/health`, in milliseconds: a slow one says nothing. */
const HEALTH_TIMEOUT_MS = 2_000;

/** Largest answer of `/health` that is read, in bytes: vLLM's is empty. */
const MAX_HEALTH_BYTES = 64 * 1024;

/** Asks engines for their models, with the router's own key. */
export function cardFetcher(
  deps: Pick<FlowDeps, "upstream" | "timeouts">,
  apiKey: string | undefined,
): FetchCards {
  const headers = apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`] as const];
  return async (flight, signal) => {
    using response = await exchange(deps, flight, {
      method: "GET",
      path: "/v1/models",
      headers,
      headTimeoutMs: CARDS_TIMEOUT_MS,
      signal,
    });
    const bytes = await response.readAll(MAX_CARDS_BYTES);
    const cards = response.status === 200 ? modelCardsOf(jsonOf(bytes)) : undefined;
    if (cards !== undefined) return cards;
    const { url } = flight.engine;
    throw new NoModelList(
      `Engine ${url} answered /v1/models with status ${response.status} and no model list`,
    );
  };
}

/**
 * As `fetch`, unless the engine says of itself that it cannot serve: vLLM tells so in `/health` when its
 * engine core has died, while its models are listed as ever.
 */
export function healthFirst(
  { upstream, timeouts }: Pick<FlowDeps, "upstream" | "timeouts">,
  fetch: FetchCards,
): FetchCards {
  return async (flight, signal) => {
    const { url } = flight.engine;
    const status = await healthStatus({ upstream, timeouts }, url, signal);
    // Without such an endpoint (404, 405), or in want of a key, it says nothing.
    if (status === undefined || status < 500) return await fetch(flight, signal);
    flight.head(status);
    const message = `Engine ${url} answered /health with status ${status}`;
    throw new RouterError("engine-unhealthy", message);
  };
}

/** What `/health` answers; undefined where it gives no answer, or none in time. */
async function healthStatus(
  { upstream, timeouts }: Pick<FlowDeps, "upstream" | "timeouts">,
  url: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  try {
    // Not by `exchange`: whether the key is taken is for the list of models to say.
    using response = await upstream.send({
      method: "GET",
      url,
      path: "/health",
      headers: [],
      replayable: true,
      connectTimeoutMs: timeouts.connectMs,
      headTimeoutMs: HEALTH_TIMEOUT_MS,
      idleTimeoutMs: HEALTH_TIMEOUT_MS,
      signal,
    });
    // To its end, so that the next question finds the connection.
    await response.readAll(MAX_HEALTH_BYTES);
    return response.status;
  } catch (error) {
    if (NO_HEALTH.has(errorCodeOf(error))) return undefined;
    throw error;
  }
}

/** How much health puts up with. */
export function healthRules({ health }: Pick<RouterConfig, "health">): HealthRules {
  const { engineFailures, pairFailures, pauseMs, maxPauseMs, maxShutShare } = health;
  return {
    engine: { failures: engineFailures, pauseMs, maxPauseMs },
    pair: { failures: pairFailures, pauseMs, maxPauseMs },
    maxShutShare,
  };
}

/** How many requests engines get at a time, by what `configNow` gives at the moment. */
export function seatLimits(configNow: () => Pick<RouterConfig, "admission">): SeatLimits {
  return {
    get prefill() {
      return configNow().admission.maxPrefillInflight;
    },
    get serving() {
      return configNow().admission.maxInflight;
    },
  };
}
