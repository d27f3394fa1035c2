/** What becomes of gauges of several processes that are told as one. @module */
import type { GaugeName } from "./registry.ts";

/**
 * Of what each process has a part, the sum; of what each sees for itself, the greatest or the least,
 * whichever there is to act on; of averages, their mean.
 */
export type GaugeMerge = "sum" | "max" | "min" | "mean";

/** Gauges of which not the sum is told. Counters and histograms are always summed. */
export const GAUGE_MERGES: Readonly<Partial<Record<GaugeName, Exclude<GaugeMerge, "sum">>>> = {
  "pd_router_kv_event_feeds": "max",
  "pd_router_kv_index_blocks": "max",
  "pd_router_engine_up": "min",
  "pd_router_engine_state": "max",
  "pd_router_accepting": "min",
  "pd_router_engines_shut": "max",
  "pd_router_engines_sleeping": "max",
  "pd_router_pairs_unequal": "max",
  "pd_router_pairs_broken": "max",
  "pd_router_pairs_shut": "max",
  "pd_router_elastic_side": "max",
  "pd_router_scale_hint": "max",
  "pd_router_gossip_peers": "max",
  "pd_router_config_last_reload_success": "min",
  "pd_router_config_last_reload_seconds": "max",
  "pd_router_config_restart_needed": "max",
  "pd_router_discovery_engines": "max",
  "pd_router_discovery_left_out": "max",
  "pd_router_discovery_synced": "min",
  "pd_router_discovery_up": "min",
  "vllm:avg_latency": "mean",
  "vllm:avg_itl": "mean",
  "vllm:avg_decoding_length": "mean",
  "vllm:num_requests_running": "max",
  "vllm:num_requests_waiting": "max",
  "vllm:num_requests_swapped": "max",
  "vllm:gpu_prefix_cache_hit_rate": "max",
  "vllm:gpu_prefix_cache_hits_total": "max",
  "vllm:gpu_prefix_cache_queries_total": "max",
  "vllm:healthy_pods_total": "max",
  "router_memory_usage_percent": "max",
  "router_disk_usage_percent": "max",
};

/** How the series of a gauge are put together. */
export function gaugeMerge(name: string): GaugeMerge {
  return Object.hasOwn(GAUGE_MERGES, name) ? GAUGE_MERGES[name as GaugeName] ?? "sum" : "sum";
}
