/** The configuration record from settings that are known to be right. @module */
import { LOG_LEVELS } from "../base/mod.ts";
import { adminOptions } from "./build_admin.ts";
import { doorOptions } from "./build_doors.ts";
import { batchOptions } from "./batches.ts";
import { checkOptions } from "./checks.ts";
import { shareDescriptors } from "./descriptors.ts";
import { moduleName } from "./module_name.ts";
import { kvEventOptions } from "./kv_events.ts";
import { elasticOptions } from "./elastic.ts";
import { observeOptions } from "./observe.ts";
import { parseOrigins } from "./origins.ts";
import { routingOf } from "./policies.ts";
import { reloadOptions } from "./reload.ts";
import { protocolOf } from "./protocol.ts";
import {
  type AdmissionOptions,
  type AnswerOptions,
  type ClientLimits,
  type DescriptorOptions,
  FAILURE_POLICIES,
  type Handoff,
  type HealthOptions,
  type HookOptions,
  LMCACHE_KEYS,
  PROXY_SOCKETS,
  RANK_LEGS,
  type RouterConfig,
  type Timeouts,
  TOKENIZE_WAYS,
} from "./schema.ts";
import type { Settings } from "./settings.ts";
import { clusterOptions } from "./build_cluster.ts";
import { workerOptions } from "./workers.ts";
import { worthOptions } from "./worth.ts";

/** What is never to be printed. */
export interface Secrets {
  /** Bearer token for engines. */
  readonly engines: string | undefined;
  /** Keys of clients that were given one by one. */
  readonly clients: readonly string[];
}

/** The configuration that checked `settings` and `engines` amount to. */
export function buildConfig(
  settings: Settings,
  { engines, discovery }: Pick<RouterConfig, "engines" | "discovery">,
  keys: Secrets,
): RouterConfig {
  const { engines: apiKey, clients: clientKeys } = keys;
  const tlsCaFile = settings.optional("tls-ca");
  const descriptors = descriptorOptions(settings);
  return {
    listen: { host: settings.text("host"), port: settings.number("port") },
    rootPath: settings.text("root-path"),
    engines,
    discovery,
    aliases: settings.map("static-aliases"),
    routing: routingOf(settings),
    ...kvEventOptions(settings),
    handoff: handoff(settings),
    ...worthOptions(settings),
    ...elasticOptions(
      settings,
      [...engines, ...(discovery.dns?.names ?? []).map(({ engine }) => engine)],
      discovery.kubernetes !== undefined || settings.get("admin-listen").value !== undefined,
    ),
    tokenize: {
      how: settings.choice("tokenize", TOKENIZE_WAYS),
      cacheBytes: settings.number("tokenize-cache-bytes"),
    },
    timeouts: timeouts(settings),
    clients: clientLimits(settings, descriptors.clients),
    health: healthOptions(settings),
    ...checkOptions(settings),
    ...batchOptions(settings),
    ...(settings.on("canary")
      ? { canary: { intervalMs: settings.number("canary-interval") * MINUTE_MS } }
      : {}),
    descriptors,
    ...workerOptions(settings),
    ...clusterOptions(settings),
    answers: answerOptions(settings),
    admission: admissionOptions(settings),
    requests: { timeoutMs: settings.ms("request-timeout") },
    ...controlOptions(settings),
    ...adminOptions(settings),
    doors: doorOptions(settings, clientKeys),
    drainTimeoutMs: settings.ms("drain-timeout"),
    lifecycle: {
      warmUp: settings.text("warm-up") === "on",
      drainDelayMs: settings.ms("drain-delay"),
    },
    ...reloadOptions(settings),
    maxRequestBytes: settings.number("max-request-bytes"),
    buffers: { maxBytes: settings.number("max-buffered-bytes") },
    trustClientKvParams: settings.on("trust-client-kv-params"),
    lmcacheTagDirect: settings.on("lmcache-tag-direct"),
    ...hookOptions(settings),
    ...(tlsCaFile === undefined ? {} : { tlsCaFile }),
    ...(apiKey === undefined ? {} : { apiKey }),
    stats: {
      engineIntervalMs: settings.ms("engine-stats-interval"),
      requestWindowMs: settings.ms("request-stats-window"),
      log: settings.on("log-stats"),
      logIntervalMs: settings.ms("log-stats-interval"),
    },
    observe: observeOptions(settings),
    log: {
      level: settings.choice("log-level", LOG_LEVELS),
      format: settings.choice("log-format", ["text", "json"]),
    },
  };
}

const MINUTE_MS = 60_000;

function hookOptions(settings: Settings): { readonly hooks?: HookOptions } {
  const callbacks = moduleName(settings.optional("callbacks") ?? "");
  const rewriter = moduleName(settings.text("request-rewriter"));
  if (callbacks === undefined && rewriter === undefined) return {};
  return {
    hooks: {
      timeoutMs: settings.ms("callback-timeout"),
      ...(callbacks === undefined ? {} : { callbacks }),
      ...(rewriter === undefined ? {} : { rewriter }),
    },
  };
}

/** A prefill takes as long as its prompt is, unless something else is said. */
function timeouts(settings: Settings): Timeouts {
  const prefillMs = settings.optionalMs("prefill-timeout");
  return {
    connectMs: settings.ms("connect-timeout"),
    tokenizeMs: settings.ms("tokenize-timeout"),
    prefillMs: prefillMs ?? PREFILL_MS,
    prefillMsPerToken: prefillMs === undefined ? PREFILL_MS_PER_TOKEN : 0,
    firstByteMs: settings.ms("first-byte-timeout"),
    wholeAnswerMs: settings.ms("whole-answer-timeout"),
    streamIdleMs: settings.ms("stream-idle-timeout"),
  };
}

/** 500 tokens a second, after half a minute in the engine's queue. */
const PREFILL_MS = 30_000;
const PREFILL_MS_PER_TOKEN = 2;

function descriptorOptions(settings: Settings): DescriptorOptions {
  const limit = settings.number("max-open-files");
  const shares = shareDescriptors(limit, protocolOf(settings) === "lmcache");
  return { limit: limit === 0 ? undefined : limit, ...shares };
}

/** `carried`: more clients than there are descriptors for would be no limit. */
function clientLimits(settings: Settings, carried: number): ClientLimits {
  const perAddress = settings.number("max-connections-per-address");
  const asked = settings.number("max-connections");
  return {
    headMs: settings.ms("client-head-timeout"),
    bodyIdleMs: settings.ms("client-body-timeout"),
    writeIdleMs: settings.ms("write-idle-timeout"),
    keepAliveMs: settings.ms("keep-alive-timeout"),
    maxConnections: asked === 0 ? carried : Math.min(asked, carried),
    maxPerAddress: perAddress === 0 ? Infinity : perAddress,
  };
}

function admissionOptions(settings: Settings): AdmissionOptions {
  const maxInflight = settings.number("max-inflight");
  const maxPrefillInflight = settings.number("max-prefill-inflight");
  return {
    ...(maxInflight === 0 ? {} : { maxInflight }),
    ...(maxPrefillInflight === 0 ? {} : { maxPrefillInflight }),
    queueSize: settings.number("queue-size"),
    queueTimeoutMs: settings.ms("queue-timeout"),
  };
}

function healthOptions(settings: Settings): HealthOptions {
  const pauseMs = settings.ms("health-pause");
  const slowStartMs = settings.ms("slow-start");
  return {
    ...(slowStartMs === 0 ? {} : { slowStartMs }),
    ...(settings.on("pair-unequal") ? { pairUnequal: true } : {}),
    engineFailures: settings.number("engine-failures"),
    pairFailures: settings.number("pair-failures"),
    pauseMs,
    maxPauseMs: Math.max(pauseMs, settings.ms("health-max-pause")),
    maxShutShare: settings.number("health-max-shut"),
    reroutes: settings.number("max-instance-failover-reroute-attempts"),
    retryShare: settings.number("retry-budget"),
    frozenAfterMs: settings.ms("frozen-after"),
    failurePolicy: settings.choice("handoff-failure-policy", FAILURE_POLICIES),
    fallbackShare: settings.number("handoff-fallback-share"),
    continueStreams: settings.on("continue-streams"),
  };
}

function controlOptions(settings: Settings): Pick<RouterConfig, "control"> {
  const engines = settings.on("allow-engine-control");
  const passThrough = settings.list("pass-through-paths");
  return engines || passThrough.length > 0 ? { control: { engines, passThrough } } : {};
}

function answerOptions(settings: Settings): AnswerOptions {
  const origins = parseOrigins(settings.list("allowed-origins"));
  const earlyHeadMs = settings.optionalMs("early-head");
  return {
    exposeEngines: settings.on("expose-engines"),
    allowedOrigins: origins.ok ? origins.value : [],
    ...(earlyHeadMs === undefined ? {} : { earlyHeadMs }),
    rankLeg: settings.choice("dp-rank-leg", RANK_LEGS),
  };
}

function handoff(settings: Settings): Handoff {
  const kind = protocolOf(settings);
  const host = settings.optional("nixl-proxy-host");
  if (kind !== "lmcache") return { kind };
  return {
    kind,
    proxy: { host: host ?? "0.0.0.0", port: settings.number("nixl-proxy-port") },
    proxySocket: settings.choice("nixl-proxy-socket", PROXY_SOCKETS),
    kvReadyTimeoutMs: settings.ms("nixl-kv-ready-timeout"),
    kvTimeoutPolicy: settings.choice("nixl-kv-timeout-policy", ["retry", "proceed"]),
    keys: settings.choice("lmcache-keys", LMCACHE_KEYS),
    finishedReqTtlMs: settings.ms("nixl-finished-req-ttl"),
    cleanupIntervalMs: settings.ms("nixl-cleanup-interval"),
  };
}
