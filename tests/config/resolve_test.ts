import fc from "fast-check";
import { sha256 } from "../../lib/base/mod.ts";
import {
  envName,
  fileKey,
  FLAGS,
  problemText,
  resolveConfig,
  type RouterConfig,
} from "../../lib/config/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { configOf, FLEET, type Given, PAIR, resolve } from "./support.ts";

Deno.test("resolveConfig() needs two flags for a handoff", () => {
  const { discovery: { rules, listed }, ...config } = configOf({ flags: PAIR });
  assertEquals(rules, {
    usual: "lmcache",
    receivers: { initPorts: [7300], allocPorts: [7400], firstToken: "prefill" },
    events: undefined,
    labels: { prefill: [], decode: [] },
    linkLocal: false,
  });
  assertEquals(listed.map(({ where, raw: { url, role } }) => [where, url, role]), [
    ["--prefill", "http://p:8000", "prefill"],
    ["--decode", "http://d:8000", "decode"],
  ]);
  assertEquals(config, {
    listen: { host: "0.0.0.0", port: 8001 },
    rootPath: "",
    engines: [
      { id: "p:8000", url: "http://p:8000", role: "prefill", models: [], kv: "lmcache" },
      {
        id: "d:8000",
        url: "http://d:8000",
        role: "decode",
        models: [],
        kv: "lmcache",
        nixl: { host: "d", initPorts: [7300], allocPorts: [7400], modes: ["p1"] },
      },
    ],
    aliases: new Map(),
    routing: { kind: "power_of_two" },
    handoff: {
      kind: "lmcache",
      proxy: { host: "0.0.0.0", port: 7500 },
      proxySocket: "builtin",
      kvReadyTimeoutMs: 10_000,
      kvTimeoutPolicy: "retry",
      keys: "own",
      finishedReqTtlMs: 120_000,
      cleanupIntervalMs: 60_000,
    },
    tokenize: { how: "engine", cacheBytes: 0 },
    timeouts: {
      connectMs: 5000,
      tokenizeMs: 10_000,
      prefillMs: 30_000,
      prefillMsPerToken: 2,
      firstByteMs: 60_000,
      wholeAnswerMs: 3_600_000,
      streamIdleMs: 60_000,
    },
    clients: {
      headMs: 15_000,
      bodyIdleMs: 30_000,
      writeIdleMs: 60_000,
      keepAliveMs: 75_000,
      maxConnections: 16_384,
      maxPerAddress: Infinity,
    },
    health: {
      engineFailures: 3,
      pairFailures: 2,
      pauseMs: 1000,
      maxPauseMs: 60_000,
      maxShutShare: 0.5,
      frozenAfterMs: 1500,
      reroutes: 1,
      retryShare: 0.1,
      failurePolicy: "direct",
      fallbackShare: 0.9,
      continueStreams: false,
    },
    answers: { exposeEngines: false, allowedOrigins: [], rankLeg: "decode" },
    requests: { timeoutMs: 3_600_000 },
    admission: { queueSize: 1_024, queueTimeoutMs: 30_000 },
    doors: {
      keys: { given: [], open: ["/metrics", "/version"] },
      engineTls: {},
      allowLinkLocalEngines: false,
      notifications: { allow: [], maxPerAddress: 1024 },
      trustedProxies: [],
    },
    descriptors: { limit: undefined, clients: 16_384, notifications: 16_384, reserve: 16 },
    drainTimeoutMs: 30_000,
    lifecycle: { drainDelayMs: 0 },
    reload: { everyMs: 5_000 },
    maxRequestBytes: 67_108_864,
    buffers: { maxBytes: 1_073_741_824 },
    trustClientKvParams: false,
    lmcacheTagDirect: false,
    stats: { engineIntervalMs: 30_000, requestWindowMs: 60_000, log: false, logIntervalMs: 10_000 },
    observe: { accessShare: 0, accessFormat: "json", serverTiming: false, keepRequests: 512 },
    log: { level: "info", format: "text" },
  });
});

Deno.test("resolveConfig() takes every value from flags", () => {
  const { discovery, ...config } = configOf({
    flags: {
      ...PAIR,
      "host": "127.0.0.1",
      "port": "0",
      "root-path": "/llm/",
      "static-aliases": "gpt-4:m,small:n",
      "session-key": "x-user-id",
      "nixl-proxy-host": "10.0.0.9",
      "nixl-proxy-port": "7600",
      "nixl-proxy-socket": "zeromq",
      "nixl-kv-ready-timeout": "0.25",
      "nixl-kv-timeout-policy": "proceed",
      "lmcache-keys": "shared",
      "nixl-first-token": "decode",
      "nixl-finished-req-ttl": "1.5",
      "tokenize": "render",
      "tokenize-cache-bytes": "4096",
      "nixl-cleanup-interval": "2",
      "engine-failures": "4",
      "pair-failures": "5",
      "health-pause": "1.5",
      "health-max-pause": "2.5",
      "health-max-shut": "0.25",
      "frozen-after": "3.5",
      "max-instance-failover-reroute-attempts": "4",
      "retry-budget": "0.2",
      "handoff-failure-policy": "error",
      "handoff-fallback-share": "0.7",
      "continue-streams": "true",
      "client-head-timeout": "1.1",
      "client-body-timeout": "1.2",
      "write-idle-timeout": "1.3",
      "request-timeout": "17",
      "max-inflight": "18",
      "max-prefill-inflight": "19",
      "queue-size": "20",
      "queue-timeout": "2.1",
      "keep-alive-timeout": "1.4",
      "max-connections": "15",
      "max-connections-per-address": "16",
      "expose-engines": "true",
      "allowed-origins": "https://A.example:443,http://b:8080/",
      "allow-engine-control": "true",
      "pass-through-paths": "/v1/other",
      "early-head": "0.5",
      "dp-rank-leg": "prefill",
      "api-key": ["one", "two"],
      "api-keys-file": "/etc/keys.yaml",
      "protect": "/metrics,!/v1/models",
      "tls-cert": "/etc/cert.pem",
      "tls-key": "/etc/key.pem",
      "tls-client-ca": "/etc/clients.pem",
      "engine-tls-cert": "/etc/router.pem",
      "engine-tls-key": "/etc/router.key",
      "engine-tls-server-name": "engines.example",
      "allow-link-local-engines": "true",
      "nixl-proxy-allow": "10.1.2.3/8,::1",
      "nixl-proxy-max-per-address": "0",
      "trusted-proxies": "192.0.2.0/24",
      "max-open-files": "1024",
      "connect-timeout": "1",
      "tokenize-timeout": "2.5",
      "prefill-timeout": "2",
      "first-byte-timeout": "3",
      "whole-answer-timeout": "3.5",
      "stream-idle-timeout": "4",
      "drain-delay": "1.5",
      "reload-interval": "2.5",
      "drain-timeout": "0",
      "max-request-bytes": "1024",
      "max-buffered-bytes": "2048",
      "trust-client-kv-params": "true",
      "lmcache-tag-direct": "true",
      "tls-ca": "/etc/ca.pem",
      "engine-stats-interval": "5",
      "request-stats-window": "6",
      "log-stats": "true",
      "log-stats-interval": "7",
      "access-log": "25%",
      "access-log-format": "text",
      "access-log-file": "/var/log/access.log",
      "server-timing": "true",
      "keep-requests": "8",
      "log-level": "trace",
      "log-format": "json",
    },
    env: { VLLM_API_KEY: "hush\n", PD_ROUTER_API_KEYS: "two, three\n" },
    checkFile: () => undefined,
  });
  assertEquals(discovery.rules.receivers?.firstToken, "decode");
  assertEquals({ ...config, engines: [] }, {
    listen: { host: "127.0.0.1", port: 0 },
    rootPath: "/llm",
    engines: [],
    aliases: new Map([["gpt-4", "m"], ["small", "n"]]),
    routing: { kind: "session", sessionKey: "x-user-id" },
    handoff: {
      kind: "lmcache",
      proxy: { host: "10.0.0.9", port: 7600 },
      proxySocket: "zeromq",
      kvReadyTimeoutMs: 250,
      kvTimeoutPolicy: "proceed",
      keys: "shared",
      finishedReqTtlMs: 1500,
      cleanupIntervalMs: 2000,
    },
    tokenize: { how: "render", cacheBytes: 4096 },
    timeouts: {
      connectMs: 1000,
      tokenizeMs: 2500,
      prefillMs: 2000,
      prefillMsPerToken: 0,
      firstByteMs: 3000,
      wholeAnswerMs: 3500,
      streamIdleMs: 4000,
    },
    clients: {
      headMs: 1100,
      bodyIdleMs: 1200,
      writeIdleMs: 1300,
      keepAliveMs: 1400,
      maxConnections: 15,
      maxPerAddress: 16,
    },
    health: {
      engineFailures: 4,
      pairFailures: 5,
      pauseMs: 1500,
      maxPauseMs: 2500,
      maxShutShare: 0.25,
      frozenAfterMs: 3500,
      reroutes: 4,
      retryShare: 0.2,
      failurePolicy: "error",
      fallbackShare: 0.7,
      continueStreams: true,
    },
    answers: {
      exposeEngines: true,
      allowedOrigins: ["https://a.example", "http://b:8080"],
      earlyHeadMs: 500,
      rankLeg: "prefill",
    },
    control: { engines: true, passThrough: ["/v1/other"] },
    requests: { timeoutMs: 17_000 },
    admission: {
      maxInflight: 18,
      maxPrefillInflight: 19,
      queueSize: 20,
      queueTimeoutMs: 2_100,
    },
    doors: {
      keys: {
        given: ["one", "two", "three"].map(sha256),
        file: "/etc/keys.yaml",
        open: ["/version", "/v1/models"],
      },
      tls: { cert: "/etc/cert.pem", key: "/etc/key.pem", clientCa: "/etc/clients.pem" },
      engineTls: {
        client: { cert: "/etc/router.pem", key: "/etc/router.key" },
        serverName: "engines.example",
      },
      allowLinkLocalEngines: true,
      notifications: {
        allow: [
          { address: Uint8Array.of(10, 0, 0, 0), prefix: 8 },
          { address: Uint8Array.from({ length: 16 }, (_, at) => at === 15 ? 1 : 0), prefix: 128 },
        ],
        maxPerAddress: Infinity,
      },
      trustedProxies: [{ address: Uint8Array.of(192, 0, 2, 0), prefix: 24 }],
    },
    descriptors: { limit: 1024, clients: 427, notifications: 122, reserve: 16 },
    drainTimeoutMs: 0,
    lifecycle: { drainDelayMs: 1_500 },
    reload: { everyMs: 2_500 },
    maxRequestBytes: 1024,
    buffers: { maxBytes: 2048 },
    trustClientKvParams: true,
    lmcacheTagDirect: true,
    tlsCaFile: "/etc/ca.pem",
    apiKey: "hush",
    stats: { engineIntervalMs: 5000, requestWindowMs: 6000, log: true, logIntervalMs: 7000 },
    observe: {
      accessShare: 0.25,
      accessFormat: "text",
      accessFile: "/var/log/access.log",
      serverTiming: true,
      keepRequests: 8,
    },
    log: { level: "trace", format: "json" },
  });
});

Deno.test("resolveConfig() takes a production-stack command line", () => {
  const { engines, routing, handoff, stats } = configOf({
    flags: {
      "port": "8001",
      "service-discovery": "static",
      "static-backends": "http://localhost:9001,http://localhost:9002/",
      "static-models": "facebook/opt-125m,fake_model",
      "static-model-types": "chat,embeddings",
      "log-stats": "true",
      "log-stats-interval": "10",
      "engine-stats-interval": "10",
      "request-stats-window": "10",
      "request-rewriter": "noop",
      "routing-logic": "session",
      "session-key": "x-user-id",
      "lmcache-controller-port": "9000",
    },
  });
  assertEquals(engines, [
    {
      id: "localhost:9001",
      url: "http://localhost:9001",
      role: "any",
      models: ["facebook/opt-125m"],
      kv: "none",
    },
    {
      id: "localhost:9002",
      url: "http://localhost:9002",
      role: "any",
      models: ["fake_model"],
      kv: "none",
    },
  ]);
  assertEquals([routing, handoff], [
    { kind: "session", sessionKey: "x-user-id" },
    { kind: "none" },
  ]);
  assertEquals(stats.log, true);
});

Deno.test("resolveConfig() takes roles from production-stack labels, for handoffs alone", () => {
  const flags = {
    "service-discovery": "static",
    "static-backends": "http://a:1,http://b:2,http://c:3",
    "static-models": "m,m,m",
    "static-model-labels": "llama-prefill,llama-decode,spare",
    "prefill-model-labels": "llama-prefill,other",
    "decode-model-labels": "llama-decode",
    "nixl-peer-host": "10.0.0.7",
    "nixl-peer-init-port": "7310,7311",
    "nixl-peer-alloc-port": "7410,7411",
    "nixl-proxy-host": "0.0.0.0",
  };
  const handoff = configOf({ flags: { ...flags, "routing-logic": "disaggregated_prefill" } });
  assertEquals(handoff.engines.map(({ role, label, nixl }) => ({ role, label, nixl })), [
    { role: "prefill", label: "llama-prefill", nixl: undefined },
    {
      role: "decode",
      label: "llama-decode",
      nixl: {
        host: "10.0.0.7",
        initPorts: [7310, 7311],
        allocPorts: [7410, 7411],
        modes: ["p1"],
      },
    },
    { role: "any", label: "spare", nixl: undefined },
  ]);
  assertEquals(handoff.handoff.kind, "lmcache");
  const plain = configOf({ flags: { ...flags, "routing-logic": "roundrobin" } });
  assertEquals(plain.handoff, { kind: "none" });
  assertEquals(plain.engines.map(({ role, nixl }) => [role, nixl]), [
    ["any", undefined],
    ["any", undefined],
    ["any", undefined],
  ]);
});

Deno.test("resolveConfig() takes engines from a file", () => {
  const { engines, handoff } = configOf({
    file: `
routing_logic: disaggregated_prefill
nixl_proxy_host: 0.0.0.0
engines:
  - {url: http://10.0.0.1:8000, role: prefill, model: m, nixl: {notifications: 2}}
  - {url: http://10.0.0.2:8000, role: decode, models: [m, n], label: big,
     nixl: {host: 10.0.1.2, init_ports: [7300, 7301], alloc_ports: [7400, 7401], query_ports: [1, 2]}}
  - {url: http://10.0.0.3:8000}
`,
  });
  assertEquals(handoff.kind, "lmcache");
  assertEquals(engines, [
    {
      id: "10.0.0.1:8000",
      url: "http://10.0.0.1:8000",
      role: "prefill",
      models: ["m"],
      kv: "lmcache",
      notifications: 2,
    },
    {
      id: "10.0.0.2:8000",
      url: "http://10.0.0.2:8000",
      role: "decode",
      models: ["m", "n"],
      label: "big",
      kv: "lmcache",
      nixl: {
        host: "10.0.1.2",
        initPorts: [7300, 7301],
        allocPorts: [7400, 7401],
        queryPorts: [1, 2],
        modes: ["p1"],
      },
    },
    { id: "10.0.0.3:8000", url: "http://10.0.0.3:8000", role: "any", models: [], kv: "lmcache" },
  ]);
});

Deno.test("resolveConfig() takes a file without handoffs, with its maps", () => {
  const { engines, aliases, handoff } = configOf({
    file: `
routing_logic: roundrobin
static_models:
  m: {static_backends: [http://a:1, http://b:2]}
  n: {static_backends: [http://a:1]}
static_aliases: {gpt-4: m}
engines: [{url: http://c:3, models: [o]}]
`,
  });
  assertEquals(engines.map(({ url, role, models }) => [url, role, models]), [
    ["http://c:3", "any", ["o"]],
    ["http://a:1", "any", ["m", "n"]],
    ["http://b:2", "any", ["m"]],
  ]);
  assertEquals([aliases, handoff], [new Map([["gpt-4", "m"]]), { kind: "none" }]);
});

Deno.test("resolveConfig() takes engines from the environment", () => {
  const config = configOf({
    env: {
      PD_ROUTER_PREFILL: "http://p:1 http://q:1",
      PD_ROUTER_DECODE: "http://d:1;init=1,2;alloc=3,4",
    },
  });
  assertEquals(config.engines.map(({ role }) => role), ["prefill", "prefill", "decode"]);
  assertEquals(config.handoff.kind, "lmcache");
});

Deno.test("resolveConfig() has an answer to anything", () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("", "1", "true", "http://a", "http://a;init=1", "a:b,c", "session", "m,,n"),
  );
  const name = fc.oneof(fc.constantFrom(...FLAGS.map((flag) => flag.name)), fc.string());
  const content = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(...FLAGS.map((flag) => fileKey(flag.name)), "engines"),
      fc.jsonValue(),
    ),
    fc.record({
      engines: fc.array(fc.record({ url: text, role: text, nixl: fc.jsonValue() })),
    }),
  );
  const property = fc.property(
    fc.array(fc.tuple(name, fc.array(text, { minLength: 1 }))),
    fc.dictionary(name.map(envName), text),
    content,
    (flags, env, content) => {
      const result = resolveConfig({
        flags: new Map(flags),
        env: (variable) => Object.hasOwn(env, variable) ? env[variable] : undefined,
        file: { ok: true, path: "pd.yaml", content },
      });
      assert(result.ok || result.problems.every((problem) => problemText(problem) !== ""));
      assertEquals(result.settings.length, FLAGS.length);
    },
  );
  fc.assert(property, { seed: 1, numRuns: 500 });
});

Deno.test("resolveConfig() joins engines of flags and file", () => {
  const { engines } = configOf({ flags: PAIR, file: "engines: [{url: http://e:1}]" });
  assertEquals(engines.map(({ url }) => url), ["http://p:8000", "http://d:8000", "http://e:1"]);
});

Deno.test("resolveConfig() chooses how KV moves by routing logic, protocol and proxy host", () => {
  const rows: readonly (readonly [
    more: Readonly<Record<string, string>>,
    kind: RouterConfig["handoff"]["kind"],
  ])[] = [
    [{}, "lmcache"],
    [{ "kv-protocol": "lmcache" }, "lmcache"],
    [{ "kv-protocol": "nixl" }, "nixl"],
    [{ "kv-protocol": "shared_storage" }, "shared_storage"],
    [{ "routing-logic": "disaggregated_prefill" }, "lmcache"],
    [{ "routing-logic": "disaggregated_prefill", "kv-protocol": "nixl" }, "nixl"],
    [{ "routing-logic": "disaggregated_prefill_orchestrated" }, "nixl"],
    [
      { "routing-logic": "disaggregated_prefill_orchestrated", "kv-protocol": "shared_storage" },
      "shared_storage",
    ],
    // The protocol that was said wins over what a proxy host suggests.
    [{ "kv-protocol": "nixl", "nixl-proxy-host": "0.0.0.0" }, "nixl"],
    [
      { "routing-logic": "disaggregated_prefill_orchestrated", "nixl-proxy-host": "0.0.0.0" },
      "nixl",
    ],
  ];
  for (const [more, kind] of rows) {
    const { handoff, engines } = configOf({ flags: { ...PAIR, ...more } });
    const name = JSON.stringify(more);
    assertEquals(handoff.kind, kind, name);
    assertEquals(engines.map(({ role }) => role), ["prefill", "decode"], name);
    assertEquals(engines[1]?.nixl !== undefined, kind === "lmcache", name);
  }
});

Deno.test("resolveConfig() takes labelled engines for every protocol, as production-stack does", () => {
  const labelled = {
    ...FLEET,
    "routing-logic": "disaggregated_prefill",
    "static-model-labels": "p,d",
    "prefill-model-labels": "p",
    "decode-model-labels": "d",
  };
  assertEquals(configOf({ flags: labelled }).handoff, { kind: "shared_storage" });
  const orchestrated = {
    ...labelled,
    "routing-logic": "disaggregated_prefill_orchestrated",
  };
  assertEquals(configOf({ flags: orchestrated }).handoff, { kind: "nixl" });
  const proxied = { ...labelled, "nixl-proxy-host": "0.0.0.0" };
  assertEquals(configOf({ flags: proxied }).handoff.kind, "lmcache");
});

Deno.test("resolveConfig() needs no ports of decode engines that do not receive over LMCache", () => {
  const { engines } = configOf({
    flags: {
      "prefill": "http://p:8000;notifications=8",
      "decode": ["http://d:8000", "http://d:8001"],
      "kv-protocol": "nixl",
    },
  });
  assertEquals(engines.map(({ nixl }) => nixl), [undefined, undefined, undefined]);
});

Deno.test("resolveConfig() implies only what was not said", () => {
  const source = (given: Given, name: string): string | undefined =>
    resolve(given).settings.find(({ flag }) => flag.name === name)?.source;
  assertEquals(source({ flags: PAIR }, "routing-logic"), "implied");
  assertEquals(source({ flags: PAIR }, "nixl-proxy-host"), "implied");
  for (const protocol of ["nixl", "shared_storage"]) {
    const other = { flags: { ...PAIR, "kv-protocol": protocol } };
    assertEquals(source(other, "routing-logic"), "implied", protocol);
    assertEquals(source(other, "nixl-proxy-host"), "default", protocol);
  }
  const said = { flags: { ...PAIR, "nixl-proxy-host": "127.0.0.1" } };
  assertEquals(source(said, "nixl-proxy-host"), "flag");
  const { handoff } = configOf(said);
  assertEquals(handoff.kind === "lmcache" && handoff.proxy.host, "127.0.0.1");
  const decodeOnly = { decode: "http://d:1", "routing-logic": "roundrobin" };
  assertEquals(configOf({ flags: decodeOnly }).handoff, { kind: "none" });
  assertEquals(configOf({ flags: decodeOnly }).engines[0]?.nixl, undefined);
  assertEquals(source({ flags: FLEET }, "nixl-proxy-host"), "default");
});

Deno.test("resolveConfig() keeps static engines with several models as one", () => {
  const { engines } = configOf({
    flags: {
      ...FLEET,
      "static-backends": "http://a:1,http://a:1,http://b:2",
      "static-models": "base,lora,base",
    },
  });
  assertEquals(engines.map(({ url, models }) => [url, models]), [
    ["http://a:1", ["base", "lora"]],
    ["http://b:2", ["base"]],
  ]);
});

Deno.test("resolveConfig() gives engines unique ids", () => {
  const { engines } = configOf({
    flags: { ...FLEET, "static-backends": "http://a:443,https://a" },
  });
  assertEquals(engines.map(({ id }) => id), ["a:443", "a:443-2"]);
});

Deno.test("resolveConfig() has canaries where they are asked for, at intervals of minutes", () => {
  const canaryOf = (flags: Given["flags"]): unknown =>
    configOf({ flags: { ...PAIR, ...flags } }).canary;
  assertEquals(canaryOf({ "canary-interval": "5" }), undefined);
  assertEquals(canaryOf({ canary: "true" }), { intervalMs: 0 });
  assertEquals(canaryOf({ canary: "true", "canary-interval": "5" }), { intervalMs: 300_000 });
});
