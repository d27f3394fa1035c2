/** Metrics of what routers beside one another tell each other. @module */
import type { MetricSpec } from "./metric_spec.ts";

/** By name. Without other routers, none has a sample. */
export const GOSSIP_METRICS = {
  "pd_router_gossip_peers": {
    kind: "gauge",
    help: "Routers beside this one that are heard, and share engines, verdicts and limits with it.",
    labels: [],
  },
  "pd_router_gossip_messages_total": {
    kind: "counter",
    help: "Messages between this router and those beside it, by direction (sent, heard).",
    labels: ["direction"],
  },
  "pd_router_gossip_bytes_total": {
    kind: "counter",
    help: "Bytes of those messages, by direction.",
    labels: ["direction"],
  },
  "pd_router_gossip_problems_total": {
    kind: "counter",
    help:
      "What went wrong between them, by kind: refused, a message that is none or of another version; " +
      "gap, something was lost and was asked for again; silent, a router was forgotten.",
    labels: ["kind"],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;
