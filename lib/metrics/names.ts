/**
 * The router's own metrics: name, help, labels, buckets. Callers spell names and labels too, but only
 * those of the tables type-check.
 * @module
 */

import { DISCOVERY_METRICS } from "./names_discovery.ts";
import { CLUSTER_METRICS } from "./names_cluster.ts";
import { GOSSIP_METRICS } from "./names_gossip.ts";
import { TRACING_METRICS } from "./names_tracing.ts";
import { OBSERVED_METRICS } from "./names_observed.ts";
import type { MetricSpec } from "./metric_spec.ts";
import { WORKER_METRICS } from "./names_workers.ts";

export type { MetricSpec } from "./metric_spec.ts";

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const LONG_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** The router's own metrics by name. */
export const METRICS = {
  "pd_router_requests_total": {
    kind: "counter",
    help: "Requests answered, by endpoint, route and outcome.",
    labels: ["endpoint", "route", "outcome"],
  },
  "pd_router_api_key_requests_total": {
    kind: "counter",
    help: "Requests let in with an API key, by the key's name.",
    labels: ["key"],
  },
  "pd_router_api_key_refusals_total": {
    kind: "counter",
    help:
      "Requests refused by keys, by the key's name (empty for none that is known) and by reason " +
      "(missing, unknown, model, requests, concurrency, tokens).",
    labels: ["key", "reason"],
  },
  "pd_router_kv_peers_refused_total": {
    kind: "counter",
    help: "Connections for KV-ready notifications that were refused, by reason.",
    labels: ["reason"],
  },
  ...DISCOVERY_METRICS,
  ...WORKER_METRICS,
  ...CLUSTER_METRICS,
  "pd_router_request_seconds": {
    kind: "histogram",
    help: "Time from a request's arrival to the end of its answer.",
    labels: ["route"],
    buckets: LONG_SECONDS,
  },
  "pd_router_time_to_first_token_seconds": {
    kind: "histogram",
    help: "Time from a request's arrival to the first bytes of its streamed answer.",
    labels: ["route"],
    buckets: SECONDS,
  },
  ...OBSERVED_METRICS,
  "pd_router_early_heads_total": {
    kind: "counter",
    help: "Streamed answers whose head was sent before there was an answer, by endpoint.",
    labels: ["endpoint"],
  },
  "pd_router_hooks_total": {
    kind: "counter",
    help: "Calls of the operator's hooks, by hook (pre_request, rewrite_request, post_request) " +
      "and result (ok, answered: the request ended there, failed, late, dropped).",
    labels: ["hook", "result"],
  },
  "pd_router_external_requests_total": {
    kind: "counter",
    help: "Requests sent to external providers, by provider and outcome (ok, refused, error).",
    labels: ["provider", "outcome"],
  },
  "pd_router_direct_total": {
    kind: "counter",
    help: "Requests that did not take the handoff although it is configured, by reason.",
    labels: ["reason"],
  },
  "pd_router_direct_retries_total": {
    kind: "counter",
    help: "Direct requests asked of another engine, by what the one before failed with: an error " +
      "code, or status_ and what it answered.",
    labels: ["reason"],
  },
  "pd_router_handoff_retries_total": {
    kind: "counter",
    help: "Handoffs begun again on another pair, by what failed.",
    labels: ["reason"],
  },
  "pd_router_stream_continuations_total": {
    kind: "counter",
    help:
      "Streams whose decode engine failed, with --continue-streams: continued, completed (only " +
      "their end was missing), failed (a try that came to nothing), or why not: no_pair, no_budget, " +
      "too_many, unfit (the request, or what it was answered with), no_ids, no_text.",
    labels: ["result"],
  },
  "pd_router_tokenize_total": {
    kind: "counter",
    help: "Prompts turned into token ids, by how (engine, prefill, render) and by result.",
    labels: ["how", "result"],
  },
  "pd_router_tokenize_cache_total": {
    kind: "counter",
    help: "Prompts looked up in the cache of /tokenize answers, by result (hit, miss).",
    labels: ["result"],
  },
  "pd_router_kv_events_total": {
    kind: "counter",
    help:
      "KV events of engines, by what became of them: applied, ignored (of kinds or layers that " +
      "do not matter), malformed, orphaned (behind blocks that are not known).",
    labels: ["result"],
  },
  "pd_router_kv_event_gaps_total": {
    kind: "counter",
    help:
      "Gaps in engines' KV events: replayed, cut (the oldest are told no more, so that all was " +
      "forgotten), lost (likewise, as none are told).",
    labels: ["result"],
  },
  "pd_router_kv_event_feeds": {
    kind: "gauge",
    help: "Caches of engines whose KV events are followed, by whether what they hold is known.",
    labels: ["state"],
  },
  "pd_router_kv_index_bytes": {
    kind: "gauge",
    help: "Memory that the index of cached blocks may come to take, in bytes.",
    labels: [],
  },
  "pd_router_kv_index_blocks": {
    kind: "gauge",
    help: "Blocks of engines in the index (held), and dropped so far for want of room (evicted).",
    labels: ["state"],
  },
  "pd_router_kv_lookups_total": {
    kind: "counter",
    help:
      "Prompts looked up in the index, by result: hit, miss, unknown (no engine tells), no_ids, " +
      "paused (their ids could not be had a moment ago).",
    labels: ["result"],
  },
  "pd_router_kv_lookup_tokens_total": {
    kind: "counter",
    help: "Tokens of prompts looked up (prompt), and those of them that some engine had (cached).",
    labels: ["of"],
  },
  "pd_router_kv_wait_seconds": {
    kind: "histogram",
    help: "Wait for the KV-ready notifications after the prefill answered, by how it ended.",
    labels: ["end"],
    buckets: SECONDS,
  },
  "pd_router_kv_waiters": {
    kind: "gauge",
    help: "Handoffs whose KV-ready notifications are awaited or watched for now.",
    labels: [],
  },
  "pd_router_kv_notifications_total": {
    kind: "counter",
    help: "KV-ready notifications received, by what became of them.",
    labels: ["result"],
  },
  "pd_router_recompute_suspected_total": {
    kind: "counter",
    help:
      "Handoffs whose KV the decode engine has not found, so that it computed the prompt again, by pair.",
    labels: ["prefill", "decode"],
  },
  "pd_router_kv_moved_tokens_total": {
    kind: "counter",
    help: "Tokens whose KV decode engines say they have found after a handoff.",
    labels: [],
  },
  "pd_router_canary_total": {
    kind: "counter",
    help: "Pairs tried by the router's own handoffs (--canary), by result (ok, recomputed, " +
      "mismatch, failed, skipped).",
    labels: ["result"],
  },
  "pd_router_nixl_params_total": {
    kind: "counter",
    help: "Prefill answers of NixlConnector engines, by whether they had kv_transfer_params.",
    labels: ["found"],
  },
  "pd_router_queue_length": {
    kind: "gauge",
    help: "Requests that wait for room at the engines.",
    labels: [],
  },
  "pd_router_queue_wait_seconds": {
    kind: "histogram",
    help: "Wait of requests for which there was no room at once, by how it ended (served, left, " +
      "refused).",
    labels: ["end"],
    buckets: LONG_SECONDS,
  },
  "pd_router_queue_refusals_total": {
    kind: "counter",
    help:
      "Requests that got no room, by reason (full, timeout, share: of their API key, draining).",
    labels: ["reason"],
  },
  "pd_router_buffered_bytes": {
    kind: "gauge",
    help: "Bytes held of the bodies of requests under way.",
    labels: [],
  },
  "pd_router_buffered_refusals_total": {
    kind: "counter",
    help: "Requests refused because as many bytes of bodies were held as may be, by endpoint.",
    labels: ["endpoint"],
  },
  "pd_router_client_kv_params_total": {
    kind: "counter",
    help: "Requests whose KV transfer fields were taken out: only a router may set them.",
    labels: ["endpoint"],
  },
  "pd_router_drains_total": {
    kind: "counter",
    help: "Requests sent to release KV that no decode will read, by result.",
    labels: ["result"],
  },
  "pd_router_drains_pending": {
    kind: "gauge",
    help: "Transfers without a decode that are not yet released.",
    labels: [],
  },
  "pd_router_inflight_requests": {
    kind: "gauge",
    help: "Requests at an engine now, by leg (prefill, decode, direct).",
    labels: ["server", "leg"],
  },
  "pd_router_engine_up": {
    kind: "gauge",
    help: "Whether an engine answered when it was last asked for its models (1 or 0).",
    labels: ["server", "role"],
  },
  "pd_router_engine_state": {
    kind: "gauge",
    help:
      "How far an engine is now: 1 under its state (joining, slow_start, ready, draining, gone).",
    labels: ["server", "state"],
  },
  "pd_router_engine_restarts_total": {
    kind: "counter",
    help: "Engines that were started anew at their address, as far as that was found out.",
    labels: ["server"],
  },
  "pd_router_engine_errors_total": {
    kind: "counter",
    help:
      "Failed exchanges with an engine, by leg (tokenize, check and those above) and error code.",
    labels: ["server", "leg", "code"],
  },
  "pd_router_engine_readings_total": {
    kind: "counter",
    help:
      "Readings of the engines' own metrics, by result (read, none: they tell no load, failed).",
    labels: ["server", "result"],
  },
  "pd_router_accepting": {
    kind: "gauge",
    help: "Whether clients are accepted: 0 for want of file descriptors (1 or 0).",
    labels: [],
  },
  "pd_router_client_connections": {
    kind: "gauge",
    help: "Clients now: connections, or requests under way where the front knows of no others.",
    labels: [],
  },
  "pd_router_client_refusals_total": {
    kind: "counter",
    help: "Clients that were refused or closed, by reason: connections and address for too many, " +
      "head, body, write and idle for too slow, malformed.",
    labels: ["reason"],
  },
  "pd_router_descriptor_shortages_total": {
    kind: "counter",
    help:
      "Connections and listeners that found no file descriptor, by use (engine, notification, listener).",
    labels: ["use"],
  },
  "pd_router_engines_shut": {
    kind: "gauge",
    help: "Engines that are gone around now, by role and by the code of what failed.",
    labels: ["role", "why"],
  },
  "pd_router_pairs_unequal": {
    kind: "gauge",
    help: "Pairs of engines that do not hand off to one another, as what they tell differs.",
    labels: [],
  },
  "pd_router_pairs_broken": {
    kind: "gauge",
    help: "Pairs whose decode engine was started anew and does not get the prefill engine's KV.",
    labels: [],
  },
  "pd_router_engines_sleeping": {
    kind: "gauge",
    help: "Engines that sleep now and get no requests, by role.",
    labels: ["role"],
  },
  "pd_router_pairs_shut": {
    kind: "gauge",
    help: "Pairs of engines that are not paired now, as their handoffs failed.",
    labels: [],
  },
  "pd_router_elastic_side": {
    kind: "gauge",
    help: "Whether an engine that can prefill and decode is on a side now (1 or 0).",
    labels: ["server", "side"],
  },
  "pd_router_elastic_moves_total": {
    kind: "counter",
    help: "Changes of the sides of such engines, by the side since.",
    labels: ["to"],
  },
  "pd_router_scale_hint": {
    kind: "gauge",
    help:
      "Engines that are wanted for what there is to do, by model and role (prefill, decode, any).",
    labels: ["model", "role"],
  },
  "pd_router_verdict_changes_total": {
    kind: "counter",
    help: "Changes of what health says of an engine, by what it says since.",
    labels: ["to"],
  },
  "pd_router_batches_open": {
    kind: "gauge",
    help: "Batches that are not over now.",
    labels: [],
  },
  "pd_router_batch_requests": {
    kind: "gauge",
    help: "Requests of batches under way now.",
    labels: [],
  },
  "pd_router_batch_requests_total": {
    kind: "counter",
    help:
      "Requests of batches by what became of them: ok and failed have their result, again are " +
      "asked once more, for want of room or as a try has failed.",
    labels: ["result"],
  },
  "pd_router_admin_requests_total": {
    kind: "counter",
    help:
      "Requests of the admin API, by operation (none for those that were not let in) and status.",
    labels: ["operation", "status"],
  },
  "pd_router_stored_bytes": {
    kind: "gauge",
    help: "Bytes of files and of results of batches.",
    labels: [],
  },
  "pd_router_config_reloads_total": {
    kind: "counter",
    help:
      "Times that the configuration was read again, by what came of it: applied, unchanged, or " +
      "refused, where the one before stays.",
    labels: ["result"],
  },
  "pd_router_config_last_reload_success": {
    kind: "gauge",
    help: "Whether the configuration that was read last could be used (1 or 0).",
    labels: [],
  },
  "pd_router_config_last_reload_seconds": {
    kind: "gauge",
    help: "When a configuration that was read again could be used last, in Unix seconds.",
    labels: [],
  },
  "pd_router_config_restart_needed": {
    kind: "gauge",
    help: "Settings that differ from what is in force, and take effect with the next start.",
    labels: [],
  },
  ...GOSSIP_METRICS,
  ...TRACING_METRICS,
} as const satisfies Readonly<Record<string, MetricSpec>>;
