import { envName, fileKey, findFlag, FLAG_GROUPS, FLAGS } from "../../lib/config/mod.ts";
import { placeholder, renderMarkdown } from "../../lib/config/mod.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";

/** Name and default of every flag of the production-stack router; `undefined` for none. */
const PRODUCTION_STACK: readonly (readonly [string, string | number | undefined])[] = [
  ["host", "0.0.0.0"],
  ["port", 8001],
  ["root-path", ""],
  ["service-discovery", undefined],
  ["k8s-service-discovery-type", undefined],
  ["static-backends", undefined],
  ["static-models", undefined],
  ["static-aliases", undefined],
  ["static-model-types", undefined],
  ["static-model-labels", undefined],
  ["static-backend-health-checks", undefined],
  ["static-backend-health-check-interval", 60],
  ["static-backend-health-check-timeout-seconds", 10],
  ["k8s-port", 8000],
  ["k8s-namespace", "default"],
  ["k8s-label-selector", ""],
  ["k8s-watcher-timeout-seconds", 0],
  ["backend-health-check-timeout-seconds", 10],
  ["routing-logic", undefined],
  ["lmcache-controller-port", 9000],
  ["lmcache-controller-reply-port", undefined],
  ["lmcache-controller-heartbeat-port", undefined],
  ["session-key", undefined],
  ["callbacks", undefined],
  ["request-rewriter", "noop"],
  ["enable-batch-api", undefined],
  ["file-storage-class", "local_file"],
  ["file-storage-path", "/tmp/vllm_files"],
  ["batch-processor", "local"],
  ["engine-stats-interval", 30],
  ["request-stats-window", 60],
  ["log-stats", undefined],
  ["log-stats-interval", 10],
  ["dynamic-config-yaml", undefined],
  ["dynamic-config-json", undefined],
  ["feature-gates", ""],
  ["log-level", "info"],
  ["log-format", "text"],
  ["sentry-dsn", undefined],
  ["sentry-traces-sample-rate", 0.1],
  ["sentry-profile-session-sample-rate", 1],
  ["otel-endpoint", undefined],
  ["otel-service-name", "vllm-router"],
  ["otel-secure", undefined],
  ["otel-sample-ratio", 1],
  ["prefill-model-labels", undefined],
  ["decode-model-labels", undefined],
  ["kv-aware-threshold", 2000],
  ["prefix-min-match-length", 0],
  ["lmcache-health-check-interval", 5],
  ["lmcache-worker-timeout", 30],
  ["external-providers-config", undefined],
  ["nixl-peer-host", undefined],
  ["nixl-peer-init-port", "7300"],
  ["nixl-peer-alloc-port", "7400"],
  ["nixl-proxy-host", undefined],
  ["nixl-proxy-port", 7500],
  ["nixl-finished-req-ttl", 120],
  ["nixl-cleanup-interval", 60],
  ["semantic-cache-model", "all-MiniLM-L6-v2"],
  ["semantic-cache-dir", "semantic_cache"],
  ["semantic-cache-threshold", 0.95],
];

/** Flags of this router alone, with their defaults. */
const OWN: readonly (readonly [string, string | number | undefined])[] = [
  ["config", undefined],
  ["max-request-bytes", 67_108_864],
  ["batch-concurrency", 16],
  ["max-file-bytes", 536_870_912],
  ["max-storage-bytes", 17_179_869_184],
  ["engine-failures", 3],
  ["pair-failures", 2],
  ["health-pause", 1],
  ["health-max-pause", 60],
  ["health-max-shut", 0.5],
  ["frozen-after", 1.5],
  ["max-instance-failover-reroute-attempts", 1],
  ["retry-budget", 0.1],
  ["handoff-failure-policy", "direct"],
  ["handoff-fallback-share", 0.9],
  ["continue-streams", undefined],
  ["slow-start", 0],
  ["pair-unequal", undefined],
  ["canary", undefined],
  ["canary-interval", 0],
  ["client-head-timeout", 15],
  ["client-body-timeout", 30],
  ["workers", 1],
  ["cluster", undefined],
  ["cluster-name", "pd-router"],
  ["write-idle-timeout", 60],
  ["request-timeout", 3_600],
  ["max-inflight", 0],
  ["max-prefill-inflight", 0],
  ["queue-size", 1_024],
  ["queue-timeout", 30],
  ["keep-alive-timeout", 75],
  ["max-connections", 0],
  ["max-connections-per-address", 0],
  ["expose-engines", undefined],
  ["allowed-origins", undefined],
  ["allow-engine-control", undefined],
  ["pass-through-paths", undefined],
  ["admin-listen", undefined],
  ["admin-api-key", undefined],
  ["admin-api-keys-file", undefined],
  ["admin-insecure", undefined],
  ["access-log", "off"],
  ["access-log-format", "json"],
  ["access-log-file", undefined],
  ["server-timing", undefined],
  ["keep-requests", 512],
  ["early-head", undefined],
  ["dp-rank-leg", "decode"],
  ["max-buffered-bytes", 1_073_741_824],
  ["api-key", undefined],
  ["api-keys-file", undefined],
  ["protect", undefined],
  ["tls-cert", undefined],
  ["tls-key", undefined],
  ["tls-client-ca", undefined],
  ["engine-tls-cert", undefined],
  ["engine-tls-key", undefined],
  ["engine-tls-server-name", undefined],
  ["allow-link-local-engines", undefined],
  ["nixl-proxy-allow", undefined],
  ["nixl-proxy-max-per-address", 1024],
  ["trusted-proxies", undefined],
  ["max-open-files", 0],
  ["dns-name", undefined],
  ["dns-type", "a"],
  ["dns-port", 8000],
  ["dns-servers", undefined],
  ["dns-min-ttl", 1],
  ["dns-max-ttl", 30],
  ["dns-stale", 30],
  ["prefill", undefined],
  ["decode", undefined],
  ["tls-ca", undefined],
  ["k8s-api-server", undefined],
  ["k8s-token-file", undefined],
  ["k8s-ca-file", undefined],
  ["kv-events-port", 5557],
  ["kv-events-replay-port", undefined],
  ["kv-index-bytes", 268_435_456],
  ["kv-protocol", undefined],
  ["trust-client-kv-params", undefined],
  ["lmcache-keys", "own"],
  ["lmcache-tag-direct", undefined],
  ["prefill-policy", undefined],
  ["decode-policy", undefined],
  ["prefix-index-bytes", 67_108_864],
  ["topology-levels", "zone,rack,nvlink"],
  ["both", undefined],
  ["elastic-interval", 30],
  ["elastic-min-prefill", 1],
  ["elastic-min-decode", 1],
  ["disagg-min-prompt-tokens", 0],
  ["disagg-max-prefill-queue", 0],
  ["allow-route-header", undefined],
  ["nixl-proxy-socket", "builtin"],
  ["nixl-kv-ready-timeout", 10],
  ["nixl-kv-timeout-policy", "retry"],
  ["nixl-first-token", "prefill"],
  ["tokenize", "auto"],
  ["tokenize-cache-bytes", 0],
  ["connect-timeout", 5],
  ["tokenize-timeout", 10],
  ["prefill-timeout", undefined],
  ["first-byte-timeout", 60],
  ["whole-answer-timeout", 3600],
  ["stream-idle-timeout", 60],
  ["warm-up", "on"],
  ["drain-delay", 0],
  ["reload-interval", 5],
  ["drain-timeout", 30],
  ["callback-timeout", 5],
];

Deno.test("FLAGS has every flag once, with the known names and defaults", () => {
  const expected = [...PRODUCTION_STACK, ...OWN].map(([name, value]) => [name, value]).sort();
  assertEquals(FLAGS.map((flag) => [flag.name, flag.default]).sort(), expected);
});

Deno.test("FLAGS has choices that hold their default", () => {
  for (const { name, choices, default: byDefault } of FLAGS) {
    if (choices === undefined) continue;
    if (byDefault !== undefined) assert(choices.includes(String(byDefault)), name);
  }
});

Deno.test("FLAGS has a help text and a placeholder where there is a value", () => {
  for (const flag of FLAGS) {
    assertMatch(flag.help, /^[A-Za-z].*[^.]$/s, flag.name);
    assertEquals(placeholder(flag) === "", flag.type === "flag", flag.name);
  }
});

Deno.test("envName() and fileKey() are unique", () => {
  assertEquals(envName("nixl-proxy-host"), "PD_ROUTER_NIXL_PROXY_HOST");
  assertEquals(fileKey("nixl-proxy-host"), "nixl_proxy_host");
  assertEquals(new Set(FLAGS.map((flag) => envName(flag.name))).size, FLAGS.length);
  assertEquals(new Set(FLAGS.map((flag) => fileKey(flag.name))).size, FLAGS.length);
});

Deno.test("findFlag() finds by name without dashes, and nothing else", () => {
  assertEquals(findFlag("port")?.default, 8001);
  assertEquals(findFlag("--port"), undefined);
  assertEquals(findFlag("toString"), undefined);
});

Deno.test("renderMarkdown() has a row with the default and variable of every flag", () => {
  const lines = renderMarkdown().split("\n");
  for (const flag of FLAGS) {
    const row = lines.find((line) => new RegExp(`^\\| \`--${flag.name}[ \`]`).test(line)) ?? "";
    assertStringIncludes(row, `\`${envName(flag.name)}\``);
    if (flag.default) assertStringIncludes(row, `\`${flag.default}\``);
    for (const choice of flag.choices ?? []) assertStringIncludes(row, choice);
  }
  for (const { title } of FLAG_GROUPS) assert(lines.includes(`### ${title}`), title);
  assert(lines.some((line) => line.startsWith("| `VLLM_API_KEY` |")));
});

Deno.test("renderMarkdown() has rows of as many cells as their head", () => {
  let columns = 0;
  for (const line of renderMarkdown().split("\n")) {
    const cells = line.split(/(?<!\\)\|/).length;
    if (!line.startsWith("|")) columns = 0;
    else if (columns === 0) columns = cells;
    else assertEquals(cells, columns, line);
  }
});
