/** The configuration record from settings that are known to be right. @module */
import { type Engine, LOG_LEVELS } from "../base/mod.ts";
import type { Handoff, RouterConfig, Routing } from "./schema.ts";
import type { Settings } from "./settings.ts";

/** The configuration that checked `settings` and `engines` amount to. */
export function buildConfig(
  settings: Settings,
  engines: readonly Engine[],
  apiKey: string | undefined,
): RouterConfig {
  const tlsCaFile = settings.optional("tls-ca");
  return {
    listen: { host: settings.text("host"), port: settings.number("port") },
    rootPath: settings.text("root-path"),
    engines,
    aliases: settings.map("static-aliases"),
    routing: routing(settings),
    handoff: handoff(settings),
    timeouts: {
      connectMs: settings.ms("connect-timeout"),
      prefillMs: settings.ms("prefill-timeout"),
      firstByteMs: settings.ms("first-byte-timeout"),
      wholeAnswerMs: settings.ms("whole-answer-timeout"),
      streamIdleMs: settings.ms("stream-idle-timeout"),
    },
    drainTimeoutMs: settings.ms("drain-timeout"),
    maxRequestBytes: settings.number("max-request-bytes"),
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

/** A session key also with handoffs: the pairs of one session then stay together. */
function routing(settings: Settings): Routing {
  const sessionKey = settings.optional("session-key");
  const logic = settings.optional("routing-logic");
  return logic !== "roundrobin" && sessionKey !== undefined
    ? { kind: "session", sessionKey }
    : { kind: "roundrobin" };
}

function handoff(settings: Settings): Handoff {
  const host = settings.optional("nixl-proxy-host");
  if (settings.optional("routing-logic") !== "disaggregated_prefill" || host === undefined) {
    return { kind: "none" };
  }
  return {
    kind: "lmcache",
    proxy: { host, port: settings.number("nixl-proxy-port") },
    kvReadyTimeoutMs: settings.ms("nixl-kv-ready-timeout"),
    kvTimeoutPolicy: settings.choice("nixl-kv-timeout-policy", ["retry", "proceed"]),
    firstToken: settings.choice("nixl-first-token", ["prefill", "decode"]),
    finishedReqTtlMs: settings.ms("nixl-finished-req-ttl"),
    cleanupIntervalMs: settings.ms("nixl-cleanup-interval"),
  };
}
