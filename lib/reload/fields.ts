/** What of a configuration can be another one while the router serves, field by field. @module */
import type { RouterConfig, SupportedFlag } from "../config/mod.ts";

type Names = readonly SupportedFlag["name"][];

/** Taken while the router serves; or, with a start alone, the settings that say it. */
export type Fate = "live" | Names;

/** The fate of a value: as a whole, of each of its fields, or as it depends on what it would become. */
export type FateOf<T> =
  | Fate
  | ((running: T, next: T) => Fate)
  | (T extends object ? { readonly [K in keyof T]-?: FateOf<T[K]> } : never);

/**
 * Every field of a configuration. What takes part in connections that are there, or in what was bound
 * or opened at the start, needs another start.
 */
export const FIELDS = {
  listen: ["host", "port"],
  rootPath: "live",
  engines: "live",
  discovery: {
    rules: {
      usual: "live",
      receivers: "live",
      events: "live",
      labels: "live",
      linkLocal: ["allow-link-local-engines"],
    },
    listed: "live",
    kubernetes: "live",
    dns: "live",
  },
  aliases: "live",
  routing: "live",
  kvEvents: "live",
  handoff: handoffFate,
  worth: "live",
  elastic: "live",
  tokenize: "live",
  timeouts: {
    connectMs: "live",
    tokenizeMs: "live",
    // How long KV is waited for at most follows from these at the start.
    prefillMs: ["prefill-timeout"],
    prefillMsPerToken: ["prefill-timeout"],
    firstByteMs: "live",
    wholeAnswerMs: "live",
    streamIdleMs: "live",
  },
  clients: [
    "client-head-timeout",
    "client-body-timeout",
    "write-idle-timeout",
    "keep-alive-timeout",
    "max-connections",
    "max-connections-per-address",
  ],
  health: {
    engineFailures: ["engine-failures"],
    pairFailures: ["pair-failures"],
    pauseMs: ["health-pause"],
    maxPauseMs: ["health-max-pause"],
    maxShutShare: ["health-max-shut"],
    frozenAfterMs: ["frozen-after"],
    slowStartMs: ["slow-start"],
    pairUnequal: "live",
    failurePolicy: "live",
    fallbackShare: "live",
    continueStreams: "live",
    reroutes: "live",
    retryShare: "live",
  },
  checks: "live",
  batches: [
    "enable-batch-api",
    "file-storage-path",
    "batch-concurrency",
    "max-file-bytes",
    "max-storage-bytes",
  ],
  canary: ["canary", "canary-interval"],
  answers: {
    exposeEngines: ["expose-engines"],
    allowedOrigins: "live",
    earlyHeadMs: "live",
    rankLeg: "live",
  },
  requests: "live",
  admission: "live",
  control: "live",
  admin: ["admin-listen", "admin-api-key", "admin-api-keys-file", "admin-insecure"],
  doors: {
    keys: { given: "live", file: ["api-keys-file"], open: "live" },
    tls: ["tls-cert", "tls-key", "tls-client-ca"],
    engineTls: ["engine-tls-cert", "engine-tls-key", "engine-tls-server-name"],
    allowLinkLocalEngines: ["allow-link-local-engines"],
    notifications: ["nixl-proxy-allow", "nixl-proxy-max-per-address"],
    trustedProxies: "live",
  },
  descriptors: ["max-open-files"],
  workers: ["workers"],
  cluster: ["cluster", "cluster-name"],
  drainTimeoutMs: "live",
  lifecycle: "live",
  reload: "live",
  maxRequestBytes: "live",
  buffers: "live",
  trustClientKvParams: "live",
  lmcacheTagDirect: "live",
  tlsCaFile: ["tls-ca"],
  // Of the environment, which does not change.
  apiKey: [],
  hooks: "live",
  external: "live",
  dynamic: "live",
  stats: {
    engineIntervalMs: "live",
    requestWindowMs: ["request-stats-window"],
    log: "live",
    logIntervalMs: "live",
  },
  observe: {
    accessShare: "live",
    accessFormat: "live",
    accessFile: ["access-log-file"],
    serverTiming: "live",
    keepRequests: ["keep-requests"],
  },
  // Spans under way are of the collector that their trace began with.
  tracing: ["otel-endpoint", "otel-service-name", "otel-secure", "otel-sample-ratio"],
  log: "live",
} as const satisfies { readonly [K in keyof RouterConfig]-?: FateOf<RouterConfig[K]> };

/** What waits for notifications on a socket that is bound cannot be had twice. */
function handoffFate(running: RouterConfig["handoff"], next: RouterConfig["handoff"]): Fate {
  if (running.kind !== "lmcache" || next.kind !== "lmcache") return "live";
  return [
    "nixl-proxy-host",
    "nixl-proxy-port",
    "nixl-proxy-socket",
    "nixl-kv-ready-timeout",
    "nixl-kv-timeout-policy",
    "nixl-finished-req-ttl",
    "nixl-cleanup-interval",
  ];
}
