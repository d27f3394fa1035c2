import { envName, fileKey, FLAGS } from "../../lib/config/mod.ts";
import { type Layers, readSettings } from "../../lib/config/settings.ts";
import type { RawValue } from "../../lib/config/value.ts";
import { assert, assertEquals } from "../support/assert.ts";

interface Given {
  readonly flags?: Readonly<Record<string, readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: Readonly<Record<string, RawValue>>;
}

function layers({ flags = {}, env = {}, file = {} }: Given): Layers {
  return {
    flags: new Map(Object.entries(flags)),
    env: (name) => env[name],
    file: new Map(Object.entries(file)),
    filePath: "pd.yaml",
    invalidInFile: new Set(),
  };
}

/** A right value of every flag that is not its default. */
const OTHER: Readonly<Record<string, string>> = {
  "host": "127.0.0.1",
  "port": "9000",
  "root-path": "/llm",
  "config": "/etc/pd.yaml",
  "max-request-bytes": "1000",
  "max-buffered-bytes": "2000",
  "engine-failures": "2",
  "pair-failures": "3",
  "health-pause": "2",
  "health-max-pause": "30",
  "health-max-shut": "0.3",
  "frozen-after": "2.5",
  "max-instance-failover-reroute-attempts": "2",
  "retry-budget": "0.3",
  "handoff-failure-policy": "error",
  "handoff-fallback-share": "0.8",
  "continue-streams": "true",
  "slow-start": "4",
  "pair-unequal": "true",
  "canary": "true",
  "canary-interval": "5",
  "client-head-timeout": "16",
  "client-body-timeout": "31",
  "write-idle-timeout": "61",
  "request-timeout": "3601",
  "max-inflight": "32",
  "max-prefill-inflight": "16",
  "queue-size": "100",
  "queue-timeout": "5",
  "keep-alive-timeout": "76",
  "max-connections": "100",
  "max-connections-per-address": "10",
  "expose-engines": "true",
  "allowed-origins": "https://a.example,https://b.example",
  "allow-engine-control": "true",
  "pass-through-paths": "/v1/other,/inference/*",
  "admin-listen": "127.0.0.1:8002",
  "admin-api-key": "***",
  "admin-api-keys-file": "/etc/admin.yaml",
  "admin-insecure": "true",
  "access-log": "0.5",
  "access-log-format": "text",
  "access-log-file": "/var/log/access.log",
  "server-timing": "true",
  "keep-requests": "64",
  "early-head": "7",
  "dp-rank-leg": "both",
  // A secret is shown as this, whatever it is.
  "api-key": "***",
  "api-keys-file": "/etc/keys.yaml",
  "protect": "all,!/v1/models",
  "tls-cert": "/etc/cert.pem",
  "tls-key": "/etc/key.pem",
  "tls-client-ca": "/etc/clients.pem",
  "engine-tls-cert": "/etc/router.pem",
  "engine-tls-key": "/etc/router.key",
  "engine-tls-server-name": "engines.example",
  "allow-link-local-engines": "true",
  "nixl-proxy-allow": "10.0.0.0/8,::1",
  "nixl-proxy-max-per-address": "8",
  "trusted-proxies": "10.0.0.1",
  "max-open-files": "1024",
  "prefill": "http://p",
  "decode": "http://d",
  "service-discovery": "static",
  "dns-name": "vllm.test",
  "dns-type": "srv",
  "dns-port": "8100",
  "dns-servers": "10.96.0.10",
  "dns-min-ttl": "2",
  "dns-max-ttl": "20",
  "dns-stale": "60",
  "static-backends": "http://a,http://b",
  "static-models": "m,n",
  "static-aliases": "a:m",
  "static-model-labels": "x,y",
  "prefill-model-labels": "x",
  "decode-model-labels": "y",
  "tls-ca": "/etc/ca.pem",
  "k8s-service-discovery-type": "service-name",
  "k8s-port": "8100",
  "k8s-namespace": "prod",
  "k8s-label-selector": "app=vllm,release=a",
  "k8s-watcher-timeout-seconds": "30",
  "k8s-api-server": "https://10.0.0.1:6443",
  "k8s-token-file": "/etc/token",
  "k8s-ca-file": "/etc/cluster.pem",
  "routing-logic": "session",
  "session-key": "x-user-id",
  "prefill-policy": "prefixaware",
  "decode-policy": "pair_score",
  "prefix-min-match-length": "256",
  "prefix-index-bytes": "1048576",
  "kv-aware-threshold": "100",
  "topology-levels": "region,zone",
  "kv-events-port": "6557",
  "kv-events-replay-port": "6558",
  "kv-index-bytes": "1048576",
  "both": "http://b",
  "elastic-interval": "31",
  "elastic-min-prefill": "2",
  "elastic-min-decode": "3",
  "disagg-min-prompt-tokens": "512",
  "disagg-max-prefill-queue": "8",
  "allow-route-header": "true",
  "kv-protocol": "shared_storage",
  "nixl-proxy-host": "10.0.0.9",
  "nixl-proxy-port": "7600",
  "nixl-proxy-socket": "zeromq",
  "nixl-peer-host": "10.0.0.7",
  "nixl-peer-init-port": "7301,7302",
  "nixl-peer-alloc-port": "7401,7402",
  "nixl-finished-req-ttl": "121.5",
  "nixl-cleanup-interval": "61",
  "nixl-kv-ready-timeout": "11",
  "nixl-kv-timeout-policy": "proceed",
  "lmcache-keys": "shared",
  "nixl-first-token": "both",
  "tokenize": "auto",
  "tokenize-cache-bytes": "1000",
  "trust-client-kv-params": "true",
  "lmcache-tag-direct": "true",
  "connect-timeout": "6",
  "tokenize-timeout": "11",
  "prefill-timeout": "91",
  "first-byte-timeout": "301",
  "whole-answer-timeout": "3601",
  "stream-idle-timeout": "61",
  "warm-up": "off",
  "drain-delay": "3",
  "reload-interval": "0",
  "drain-timeout": "0",
  "log-level": "debug",
  "log-format": "json",
  "engine-stats-interval": "31",
  "request-stats-window": "61",
  "log-stats": "true",
  "log-stats-interval": "11",
  "static-backend-health-checks": "true",
  "static-backend-health-check-interval": "61",
  "static-backend-health-check-timeout-seconds": "11",
  "static-model-types": "chat,vision",
  "enable-batch-api": "true",
  "file-storage-class": "local_file",
  "file-storage-path": "/var/lib/pd-router",
  "batch-processor": "local",
  "batch-concurrency": "4",
  "max-file-bytes": "1000",
  "max-storage-bytes": "2000",
  "dynamic-config-yaml": "/etc/dynamic.yaml",
  "dynamic-config-json": "/etc/dynamic.json",
  "feature-gates": "SemanticCache=true",
  "callbacks": "/etc/hooks.ts:callbacks",
  "request-rewriter": "/etc/hooks.ts:rewriter",
  "callback-timeout": "6",
  "external-providers-config": "/etc/providers.yaml",
  "workers": "4",
  "otel-endpoint": "collector:4317",
  "otel-service-name": "mine",
  "otel-secure": "true",
  "otel-sample-ratio": "0.25",
  "cluster": "redis://10.0.0.5",
  "cluster-name": "blue",
};

const supported = FLAGS.filter((flag) => Object.hasOwn(OTHER, flag.name));

Deno.test("readSettings() takes every supported flag from each layer, and only it", () => {
  const idle = FLAGS.filter((flag) => !Object.hasOwn(OTHER, flag.name));
  // The rest has one allowed value, its default.
  assert(idle.every((flag) => flag.status !== undefined));
  for (const { name } of supported) {
    const raw = OTHER[name] ?? "";
    const rows = [
      ["flag", `--${name}`, { flags: { [name]: [raw] } }],
      ["environment", envName(name), { env: { [envName(name)]: raw } }],
      ["file", `${fileKey(name)} in pd.yaml`, { file: { [name]: raw } }],
    ] as const;
    for (const [source, where, given] of rows) {
      const { settings, problems } = readSettings(layers(given));
      assertEquals(problems, [], name);
      for (const setting of settings.all()) {
        const own = setting.flag.name === name;
        assertEquals(setting.source, own ? source : "default", setting.flag.name);
        if (!own) continue;
        assertEquals([setting.where, setting.text, setting.valid], [where, raw, true]);
      }
    }
  }
});

Deno.test("readSettings() lets flag win over environment over file over default", () => {
  const flags = { port: ["1001"] };
  const env = { PD_ROUTER_PORT: "1002" };
  const file = { port: "1003" };
  const rows: readonly (readonly [Given, string, number])[] = [
    [{ flags, env, file }, "flag", 1001],
    [{ flags, env }, "flag", 1001],
    [{ flags, file }, "flag", 1001],
    [{ flags }, "flag", 1001],
    [{ env, file }, "environment", 1002],
    [{ env }, "environment", 1002],
    [{ file }, "file", 1003],
    [{}, "default", 8001],
  ];
  for (const [given, source, port] of rows) {
    const { settings } = readSettings(layers(given));
    assertEquals([settings.get("port").source, settings.number("port")], [source, port]);
  }
});

Deno.test("readSettings() lets the last of a repeated flag win, and keeps all of repeatable ones", () => {
  const { settings } = readSettings(
    layers({ flags: { port: ["1", "2"], prefill: ["http://a", "http://b"] } }),
  );
  assertEquals(settings.number("port"), 2);
  assertEquals(settings.list("prefill"), ["http://a", "http://b"]);
});

Deno.test("readSettings() splits repeatable flags of the environment at white space", () => {
  const env = { PD_ROUTER_DECODE: "http://a;init=1,2\n  http://b" };
  const { settings } = readSettings(layers({ env }));
  assertEquals(settings.list("decode"), ["http://a;init=1,2", "http://b"]);
});

Deno.test("readSettings() takes an empty variable for none", () => {
  const { settings, problems } = readSettings(layers({ env: { PD_ROUTER_PORT: "" } }));
  assertEquals(problems, []);
  assertEquals(settings.get("port").source, "default");
});

Deno.test("readSettings() leaves out variables that Kubernetes sets for a Service", () => {
  const env = {
    PD_ROUTER_PORT: "tcp://10.96.0.7:8001",
    PD_ROUTER_NIXL_PROXY_PORT: "tcp://10.96.0.8:7500",
  };
  const { settings, problems } = readSettings(layers({ env, file: { port: "9000" } }));
  assertEquals(problems, []);
  assertEquals([settings.number("port"), settings.number("nixl-proxy-port")], [9000, 7500]);
});

Deno.test("readSettings() names a wrong value by the layer it came from, and keeps the default", () => {
  const rows = [
    ["--port", { flags: { port: ["x"] } }],
    ["PD_ROUTER_PORT", { env: { PD_ROUTER_PORT: "x" } }],
    ["port in pd.yaml", { file: { port: "x" } }],
  ] as const;
  for (const [key, given] of rows) {
    const { settings, problems } = readSettings(layers(given));
    const message = "expected an integer from 0 to 65535";
    assertEquals(problems, [{ key, value: "x", message }]);
    const { valid, value, text } = settings.get("port");
    assertEquals([valid, value, text], [false, 8001, "x"]);
  }
});

Deno.test("readSettings() does not read a layer that another covers", () => {
  const given = { flags: { port: ["9000"] }, env: { PD_ROUTER_PORT: "x" }, file: { port: "y" } };
  assertEquals(readSettings(layers(given)).problems, []);
});

Deno.test("readSettings() never shows a secret", () => {
  const { settings, problems } = readSettings(
    layers({
      flags: {
        "sentry-dsn": ["https://hush@sentry.io/1"],
        "otel-endpoint": ["http://me:hush@otel"],
        "prefill": ["http://me:hush@p"],
        "host": ["me:hush@h"],
        "static-backends": ["http://me:hush@b"],
      },
    }),
  );
  assertEquals(problems.length, 1);
  assert(!JSON.stringify(problems).includes("hush"));
  assert(!settings.all().some((setting) => setting.text.includes("hush")));
});
