/** Metrics of where the time of requests went: their series are held by those who count. @module */
import type { MetricSpec } from "./metric_spec.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const LONG_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const TOKEN_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1];

/** By name. */
export const OBSERVED_METRICS = {
  "pd_router_phase_seconds": {
    kind: "histogram",
    help:
      "Parts of requests' time, one behind the other, by whose they are: queue (wait for room), " +
      "tokenize, prefill, kv_wait, first_byte (of the decode or direct leg), stream.",
    labels: ["phase", "model", "role"],
    buckets: SECONDS,
  },
  "pd_router_model_first_token_seconds": {
    kind: "histogram",
    help: "Time from a request's arrival to the first bytes of its streamed answer, by model.",
    labels: ["model", "role"],
    buckets: SECONDS,
  },
  "pd_router_model_request_seconds": {
    kind: "histogram",
    help: "Time from a request's arrival to the end of its answer, by model.",
    labels: ["model", "role"],
    buckets: LONG_SECONDS,
  },
  "pd_router_inter_token_seconds": {
    kind: "histogram",
    help: "Mean time between two tokens of a streamed answer, by model.",
    labels: ["model", "role"],
    buckets: TOKEN_SECONDS,
  },
  "pd_router_pair_phase_seconds": {
    kind: "histogram",
    help: "Parts of handoffs' time (prefill, kv_wait, first_byte), by pair; many beyond 64 pairs.",
    labels: ["phase", "prefill", "decode"],
    buckets: SECONDS,
  },
  "pd_router_pair_handoffs_total": {
    kind: "counter",
    help: "Handed-off requests that have ended, by the pair they ended on and by outcome.",
    labels: ["prefill", "decode", "outcome"],
  },
  "pd_router_client_departures_total": {
    kind: "counter",
    help: "Requests whose client left before the end, by what they were doing then (arrived and " +
      "the phases above).",
    labels: ["phase"],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

/** The name of one of them. */
export type ObservedMetric = keyof typeof OBSERVED_METRICS;
