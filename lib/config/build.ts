/** The configuration record from settings that are known to be right. @module */
import { type Engine, kvNameOf, LOG_LEVELS } from "../base/mod.ts";
import { doorOptions } from "./build_doors.ts";
import { parseOrigins } from "./origins.ts";
import { POLICY_NAMES } from "./policy_names.ts";
import {
  type AnswerOptions,
  type ClientLimits,
  type Handoff,
  PROXY_SOCKETS,
  RANK_LEGS,
  type RouterConfig,
  type Routing,
  TOKENIZE_WAYS,
} from "./schema.ts";
import type { Settings } from "./settings.ts";

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
  engines: readonly Engine[],
  keys: Secrets,
): RouterConfig {
  const { engines: apiKey, clients: clientKeys } = keys;
  const tlsCaFile = settings.optional("tls-ca");
  return {
    listen: { host: settings.text("host"), port: settings.number("port") },
    rootPath: settings.text("root-path"),
    engines,
    aliases: settings.map("static-aliases"),
    routing: routing(settings),
    handoff: handoff(settings),
    tokenize: {
      how: settings.choice("tokenize", TOKENIZE_WAYS),
      cacheBytes: settings.number("tokenize-cache-bytes"),
    },
    timeouts: {
      connectMs: settings.ms("connect-timeout"),
      prefillMs: settings.ms("prefill-timeout"),
      firstByteMs: settings.ms("first-byte-timeout"),
      wholeAnswerMs: settings.ms("whole-answer-timeout"),
      streamIdleMs: settings.ms("stream-idle-timeout"),
    },
    clients: clientLimits(settings),
    answers: answerOptions(settings),
    requests: { timeoutMs: settings.ms("request-timeout") },
    doors: doorOptions(settings, clientKeys),
    drainTimeoutMs: settings.ms("drain-timeout"),
    maxRequestBytes: settings.number("max-request-bytes"),
    buffers: { maxBytes: settings.number("max-buffered-bytes") },
    trustClientKvParams: settings.on("trust-client-kv-params"),
    lmcacheTagDirect: settings.on("lmcache-tag-direct"),
    ...(tlsCaFile === undefined ? {} : { tlsCaFile }),
    ...(apiKey === undefined ? {} : { apiKey }),
    stats: {
      engineIntervalMs: settings.ms("engine-stats-interval"),
      requestWindowMs: settings.ms("request-stats-window"),
      log: settings.on("log-stats"),
      logIntervalMs: settings.ms("log-stats-interval"),
    },
    log: {
      level: settings.choice("log-level", LOG_LEVELS),
      format: settings.choice("log-format", ["text", "json"]),
    },
  };
}

function clientLimits(settings: Settings): ClientLimits {
  const perAddress = settings.number("max-connections-per-address");
  return {
    headMs: settings.ms("client-head-timeout"),
    bodyIdleMs: settings.ms("client-body-timeout"),
    writeIdleMs: settings.ms("write-idle-timeout"),
    keepAliveMs: settings.ms("keep-alive-timeout"),
    maxConnections: settings.number("max-connections"),
    maxPerAddress: perAddress === 0 ? Infinity : perAddress,
  };
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

/** A session key also with handoffs: the pairs of one session then stay together. */
function routing(settings: Settings): Routing {
  const sessionKey = settings.optional("session-key");
  const logic = settings.optional("routing-logic");
  const named = POLICY_NAMES.find((name) => name === logic);
  const kind = named ?? (sessionKey === undefined ? "roundrobin" : "session");
  // Turns do not look at sessions.
  return kind === "roundrobin" || sessionKey === undefined ? { kind } : { kind, sessionKey };
}

/** How KV moves between prefill and decode engines; `none` when prompts are not handed over. */
export function protocolOf(settings: Settings): Handoff["kind"] {
  const logic = settings.optional("routing-logic");
  const said = settings.optional("kv-protocol");
  if (logic !== "disaggregated_prefill" && logic !== "disaggregated_prefill_orchestrated") {
    return "none";
  }
  const chosen = kvNameOf(said);
  if (chosen !== undefined) return chosen;
  if (logic === "disaggregated_prefill_orchestrated") return "nixl";
  return settings.optional("nixl-proxy-host") === undefined ? "shared_storage" : "lmcache";
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
    finishedReqTtlMs: settings.ms("nixl-finished-req-ttl"),
    cleanupIntervalMs: settings.ms("nixl-cleanup-interval"),
  };
}
