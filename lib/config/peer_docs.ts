/** The flags of the production-stack router, and what they do here, as Markdown. @module */
import type { Flag } from "./flag.ts";
import { findFlag } from "./flags.ts";
import { reasonOf } from "./flags_reasons.ts";

/** That router's flags in the order of its own help, without dashes; `--version` and `--help` too. */
export const PEER_FLAG_NAMES: readonly string[] = [
  "host",
  "port",
  "root-path",
  "service-discovery",
  "k8s-service-discovery-type",
  "static-backends",
  "static-models",
  "static-aliases",
  "static-model-types",
  "static-model-labels",
  "static-backend-health-checks",
  "static-backend-health-check-interval",
  "static-backend-health-check-timeout-seconds",
  "k8s-port",
  "k8s-namespace",
  "k8s-label-selector",
  "k8s-watcher-timeout-seconds",
  "backend-health-check-timeout-seconds",
  "routing-logic",
  "lmcache-controller-port",
  "lmcache-controller-reply-port",
  "lmcache-controller-heartbeat-port",
  "session-key",
  "callbacks",
  "request-rewriter",
  "enable-batch-api",
  "file-storage-class",
  "file-storage-path",
  "batch-processor",
  "engine-stats-interval",
  "request-stats-window",
  "log-stats",
  "log-stats-interval",
  "dynamic-config-yaml",
  "dynamic-config-json",
  "feature-gates",
  "log-level",
  "log-format",
  "sentry-dsn",
  "sentry-traces-sample-rate",
  "sentry-profile-session-sample-rate",
  "otel-endpoint",
  "otel-service-name",
  "otel-secure",
  "prefill-model-labels",
  "decode-model-labels",
  "kv-aware-threshold",
  "prefix-min-match-length",
  "max-instance-failover-reroute-attempts",
  "lmcache-health-check-interval",
  "lmcache-worker-timeout",
  "external-providers-config",
  "nixl-peer-host",
  "nixl-peer-init-port",
  "nixl-peer-alloc-port",
  "nixl-proxy-host",
  "nixl-proxy-port",
  "nixl-finished-req-ttl",
  "nixl-cleanup-interval",
  "semantic-cache-model",
  "semantic-cache-dir",
  "semantic-cache-threshold",
];

/** What a status means to whoever gives the flag. */
const STATUS_WORDS = {
  "honoured": "honoured",
  "without-effect": "ignored",
} as const satisfies Readonly<Record<NonNullable<Flag["status"]> | "honoured", string>>;

/** A table: each flag, whether it is honoured, and else why not and what to do. */
export function renderPeerFlags(): string {
  const rows = PEER_FLAG_NAMES.flatMap((name) => {
    const flag = findFlag(name);
    return flag === undefined ? [] : [peerRow(flag)];
  });
  return ["| flag | here | |", "|---|---|---|", ...rows, ""].join("\n");
}

function peerRow({ name, status, help }: Flag): string {
  const word = STATUS_WORDS[status ?? "honoured"];
  const said = status === undefined ? help : reasonOf(name) ?? help;
  return `| \`--${name}\` | ${word} | ${said.replaceAll("|", "\\|")} |`;
}
