/** The composition root: builds every long-lived part from one configuration. @module */
import manifest from "../deno.json" with { type: "json" };
import {
  type Clock,
  decodeUtf8,
  describeError,
  type Engine,
  type Logger,
  type Random,
  RouterError,
  sleep,
} from "./base/mod.ts";
import type { Handoff, RouterConfig, TokenizeOptions } from "./config/mod.ts";
import { EngineDirectory, type FetchCards, NoModelList, startModelProbe } from "./discovery/mod.ts";
import { Background, Drainer, exchange, type FlowDeps, type HandoffDeps } from "./flow/mod.ts";
import { createHandlers, type HttpDeps, type OnTrace } from "./http/mod.ts";
import { Metrics } from "./metrics/mod.ts";
import { modelCardsOf } from "./openai/mod.ts";
import {
  Inflight,
  leastInflight,
  type Policies,
  roundRobin,
  sessionAffinity,
} from "./selection/mod.ts";
import {
  cachedTokenizer,
  type PostJson,
  promptSource,
  remoteTokenizer,
} from "./tokenization/mod.ts";
import { createUpstreamClient, type PooledUpstreamClient } from "./upstream/mod.ts";
import {
  KvReadyBoard,
  type NotificationProxy,
  pullBinder,
  startNotificationProxy,
} from "./zmq/mod.ts";

/** What the router takes from its surroundings. */
export interface AppPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Told of every finished inference request. */
  readonly onTrace?: OnTrace;
}

/** What a router holds at a moment; all zero when nothing is asked of it. */
export interface AppStats {
  readonly waiters: number;
  readonly inflight: number;
  readonly drains: number;
  readonly background: number;
  /** Engine connections in use. */
  readonly connections: number;
}

/** A router that serves. */
export interface App extends AsyncDisposable {
  /** Where it listens. */
  readonly address: { readonly hostname: string; readonly port: number };
  /** Where prefill engines send their KV-ready notifications. */
  readonly notifications: { readonly endpoint: string; readonly port: number } | undefined;
  /** Resolves when every engine has been asked for its models once. */
  readonly probed: Promise<void>;
  stats(): AppStats;
  /** Take no more requests; resolves when those in flight have ended, or at the deadline. */
  drain(timeoutMs: number): Promise<void>;
  /** Resolves when the router has stopped. */
  readonly closed: Promise<void>;
}

/** Ids of ended and of unknown requests remembered, each. */
const MAX_NOTICE_ENTRIES = 100_000;

/** KV is drained without its notifications after this many times the usual wait. */
const GRACE_WAITS = 2;

/** Start a router; resolves when it serves, rejects (with nothing left behind) when it cannot. */
export async function startApp(config: RouterConfig, ports: AppPorts): Promise<App> {
  const { clock, random, log } = ports;
  await using stack = new AsyncDisposableStack();
  const metrics = new Metrics();
  const caCerts = config.tlsCaFile === undefined ? [] : [await readPem(config.tlsCaFile)];
  const upstream = stack.use(createUpstreamClient({ clock, caCerts }));
  const background = stack.use(new Background(log));
  const directory = new EngineDirectory();
  const inflight = new Inflight((engine, leg, delta) =>
    metrics.add("pd_router_inflight_requests", { server: engine.url, leg }, delta)
  );
  const flow: FlowDeps = {
    clock,
    random,
    log,
    metrics,
    directory,
    doubt: ({ id }) => probe.doubt(id),
    upstream,
    inflight,
    background,
    timeouts: config.timeouts,
    trustClientKvParams: config.trustClientKvParams,
    lmcacheTagDirect: config.lmcacheTagDirect,
    policies: policiesFor(config, inflight),
  };
  const handoff = config.handoff.kind === "none"
    ? undefined
    : stack.use(await startHandoff(config.handoff, flow, config.tokenize));
  const probe = stack.use(startModelProbe(config.engines, {
    clock,
    random,
    log,
    directory,
    fetchCards: cardFetcher(flow, config.apiKey),
    onAsked: ({ url, role }, answered) =>
      metrics.set("pd_router_engine_up", { server: url, role }, answered ? 1 : 0),
  }));
  let firstRound: Promise<void> | undefined = probe.firstRound;
  probe.firstRound.then(() => firstRound = undefined);
  let draining = false;
  const deps: HttpDeps = {
    ...flow,
    config,
    version: manifest.version,
    handoff,
    onTrace: ports.onTrace,
    refreshGauges: () => {
      metrics.set("pd_router_kv_waiters", {}, handoff?.deps.board.stats().waiters ?? 0);
    },
    ailment: () =>
      handoff?.notifications?.listening === false
        ? "the socket for KV-ready notifications is not bound"
        : undefined,
    firstRound: () => firstRound,
    draining: () => draining,
  };
  const server = listen(config, deps);
  stack.defer(() => server.shutdown());
  const parts = stack.move();
  const stopped = Promise.withResolvers<void>();
  return {
    address: server.addr,
    notifications: handoff?.notifications,
    probed: probe.firstRound,
    closed: Promise.race([stopped.promise, server.finished]),
    stats: () => ({
      waiters: handoff?.deps.board.stats().waiters ?? 0,
      inflight: inflight.total,
      drains: handoff?.deps.drainer.pending ?? 0,
      background: background.size,
      connections: upstream.stats().open - upstream.stats().idle,
    }),
    async drain(timeoutMs) {
      draining = true;
      const deadline = new AbortController();
      const ended = server.shutdown().then(() => background.idle());
      await Promise.race([ended, sleep(clock, timeoutMs, deadline.signal)]);
      deadline.abort();
    },
    async [Symbol.asyncDispose]() {
      draining = true;
      cutOff(upstream);
      await parts.disposeAsync();
      stopped.resolve();
    },
  };
}

/** End what still runs: every open exchange with an engine fails, and so its request ends. */
function cutOff(upstream: PooledUpstreamClient): void {
  upstream[Symbol.dispose]();
}

function listen(config: RouterConfig, deps: HttpDeps): Deno.HttpServer<Deno.NetAddr> {
  const { host, port } = config.listen;
  try {
    const { handler, onError } = createHandlers(deps);
    return Deno.serve({ hostname: host, port, onError, onListen: () => {} }, handler);
  } catch (cause) {
    throw new RouterError("internal", `Cannot listen on ${host}:${port}`, { cause });
  }
}

function policiesFor(config: RouterConfig, inflight: Inflight): Policies {
  if (config.routing.kind === "roundrobin") {
    return { prefill: roundRobin(), decode: roundRobin(), direct: roundRobin() };
  }
  const least = leastInflight((engine) => inflight.of(engine));
  return {
    prefill: sessionAffinity(least),
    decode: sessionAffinity(least),
    direct: sessionAffinity(least),
  };
}

/** The parts of a handoff, and where its notifications arrive. */
interface RunningHandoff extends AsyncDisposable {
  readonly deps: HandoffDeps;
  readonly notifications: NotificationProxy | undefined;
}

/** LMCache's settings for protocols that have no notifications: nothing will ever wait. */
const NO_NOTIFICATIONS = {
  kvReadyTimeoutMs: 10_000,
  kvTimeoutPolicy: "retry",
  finishedReqTtlMs: 120_000,
  cleanupIntervalMs: 60_000,
} as const;

async function startHandoff(
  config: Exclude<Handoff, { readonly kind: "none" }>,
  flow: FlowDeps,
  tokenize: TokenizeOptions,
): Promise<RunningHandoff> {
  const { clock, log, metrics } = flow;
  const waits = config.kind === "lmcache" ? config : NO_NOTIFICATIONS;
  await using stack = new AsyncDisposableStack();
  const board = stack.use(
    new KvReadyBoard({
      clock,
      finishedTtlMs: waits.finishedReqTtlMs,
      sweepIntervalMs: waits.cleanupIntervalMs,
      maxEntries: MAX_NOTICE_ENTRIES,
      waiterTtlMs: Math.max(
        waits.finishedReqTtlMs,
        flow.timeouts.prefillMs + (1 + GRACE_WAITS) * waits.kvReadyTimeoutMs,
      ),
      onResult: (event) => {
        metrics.count("pd_router_kv_notifications_total", { result: event });
      },
    }),
  );
  const notifications = config.kind === "lmcache"
    ? stack.use(
      await startNotificationProxy({
        address: config.proxy,
        board,
        log,
        clock,
        bind: pullBinder(config.proxySocket),
      }),
    )
    : undefined;
  const drainer = new Drainer(flow, { graceMs: GRACE_WAITS * waits.kvReadyTimeoutMs });
  const parts = stack.move();
  return {
    deps: {
      ...flow,
      protocol: config.kind,
      board,
      drainer,
      ...promptParts(flow, tokenize),
      kvReadyTimeoutMs: waits.kvReadyTimeoutMs,
      kvTimeoutPolicy: waits.kvTimeoutPolicy,
    },
    notifications,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

function promptParts(
  flow: FlowDeps,
  { how, cacheBytes }: TokenizeOptions,
): Pick<HandoffDeps, "tokenizer" | "prompts"> {
  const { log, metrics } = flow;
  const post = jsonPoster(flow);
  const remote = remoteTokenizer(post);
  const tokenizer = cacheBytes === 0 ? remote : cachedTokenizer(remote, {
    maxBytes: cacheBytes,
    onLookup: (result) => metrics.count("pd_router_tokenize_cache_total", { result }),
  });
  const prompts = promptSource({
    how,
    tokenizer,
    post,
    log,
    onResult: (by, result) => metrics.count("pd_router_tokenize_total", { how: by, result }),
  });
  return { tokenizer, prompts };
}

/** Largest answer of `/tokenize` and `/detokenize`, in bytes. */
const MAX_TOKENS_BYTES = 64 * 1024 * 1024;

function jsonPoster(flow: FlowDeps): PostJson {
  return async (engine, path, body, caller) => {
    using response = await exchange(flow, engine, {
      path,
      headers: caller.headers,
      body,
      headTimeoutMs: flow.timeouts.prefillMs,
      signal: caller.signal,
    });
    const { status } = response;
    return { status, body: await response.readAll(MAX_TOKENS_BYTES) };
  };
}

/** Largest model list, in bytes. */
const MAX_CARDS_BYTES = 4 * 1024 * 1024;

/** Longest wait for a model list, in milliseconds. */
const CARDS_TIMEOUT_MS = 5_000;

function cardFetcher(flow: FlowDeps, apiKey: string | undefined): FetchCards {
  const headers = apiKey === undefined ? [] : [["authorization", `Bearer ${apiKey}`] as const];
  return async (engine: Engine, signal) => {
    using response = await exchange(flow, engine, {
      method: "GET",
      path: "/v1/models",
      headers,
      headTimeoutMs: CARDS_TIMEOUT_MS,
      signal,
    });
    const bytes = await response.readAll(MAX_CARDS_BYTES);
    const cards = response.status === 200 ? modelCardsOf(parsedJson(bytes)) : undefined;
    if (cards !== undefined) return cards;
    throw new NoModelList(
      `Engine ${engine.url} answered /v1/models with status ${response.status} and no model list`,
    );
  };
}

function parsedJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new RouterError("internal", `Cannot read --tls-ca ${path}: ${describeError(cause)}`);
  }
}
