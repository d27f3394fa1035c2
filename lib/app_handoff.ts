/** The long-lived parts of handoffs, built from the configuration. @module */
import type { DescriptorSource } from "./base/mod.ts";
import type { Handoff, RouterConfig, TokenizeOptions } from "./config/mod.ts";
import { type HandoffDeps, longestPrefillMs, OwnLimits } from "./handoff/mod.ts";
import {
  KV_TABLE,
  KvRequestIds,
  type KvTable,
  type KvTag,
  Reclaimer,
  type SendReclaim,
  TAGGED_KV_TABLE,
} from "./kv/mod.ts";
import type { Metrics } from "./metrics/mod.ts";
import {
  exchange,
  type FlowDeps,
  MAX_JSON_BYTES,
  passOver,
  readError,
  readWhole,
  withFreshId,
} from "./request/mod.ts";
import {
  cachedTokenizer,
  type JsonReply,
  type PostJson,
  promptSource,
  remoteTokenizer,
} from "./tokenization/mod.ts";
import type { HeaderField } from "./upstream/mod.ts";
import {
  type BindPull,
  KvReadyBoard,
  type NoticeBoard,
  type NotificationProxy,
  pullBinder,
  startNotificationProxy,
} from "./zmq/mod.ts";

/** The parts of a handoff, and where its notifications arrive. */
export interface RunningHandoff extends AsyncDisposable {
  readonly deps: HandoffDeps;
  readonly board: KvReadyBoard;
  readonly reclaimer: Reclaimer;
  readonly notifications: NotificationProxy | undefined;
}

/** Most early notifications, and most ended requests, remembered. */
const MAX_NOTICE_ENTRIES = 100_000;

/** KV is reclaimed without its notifications after this many times the usual wait. */
const GRACE_WAITS = 2;

/** Settings for protocols that have no notifications: nothing will ever wait. */
const NO_NOTIFICATIONS = {
  kvReadyTimeoutMs: 10_000,
  kvTimeoutPolicy: "retry",
  finishedReqTtlMs: 120_000,
  cleanupIntervalMs: 60_000,
} as const;

/** What a router has of the cluster that its replica is in. */
export interface ClusterSeat {
  /** What a socket gives notifications to in place of `board`; absent where another process has the socket. */
  readonly around?: (board: NoticeBoard) => NoticeBoard & Disposable;
  /** What `/health` says of it. */
  remark(): Readonly<Record<string, string>>;
  /** Set its metrics; absent where another process does. */
  readonly gauge?: (metrics: Pick<Metrics, "set" | "count">) => void;
}

/** What handoffs take from the router's surroundings. */
export interface HandoffPorts {
  /**
   * Binds the socket for KV-ready notifications.
   * @default the one that the configuration names
   */
  readonly bindPull?: BindPull;
  /**
   * How KV of each engine moves.
   * @default the protocols that the router knows
   */
  readonly kv?: KvTable;
  /**
   * What notifications of this router's handoffs carry, for whoever hands them on.
   * @default nothing
   */
  readonly kvTag?: KvTag;
  /**
   * The cluster that this router's replica is in.
   * @default none
   */
  readonly cluster?: ClusterSeat | undefined;
}

/** Bounds of the socket for notifications. */
export interface PeerBounds {
  /** Most connections. */
  readonly most: number;
  /** Makes room for one where there is no descriptor. */
  readonly descriptors: DescriptorSource;
}

/** Start them; rejects when the socket for notifications cannot be bound. */
export async function startHandoff(
  config: Exclude<Handoff, { readonly kind: "none" }>,
  flow: FlowDeps,
  { tokenize, doors }: Pick<RouterConfig, "tokenize" | "doors">,
  ports: HandoffPorts & { readonly peers?: PeerBounds; readonly parts?: PromptParts } = {},
): Promise<RunningHandoff> {
  const own = config.kind === "lmcache" && config.keys === "own";
  const { bindPull, kv = own ? TAGGED_KV_TABLE : KV_TABLE, kvTag, peers, cluster } = ports;
  const { clock, log, metrics, random, background } = flow;
  const waits = config.kind === "lmcache" ? config : NO_NOTIFICATIONS;
  const graceMs = GRACE_WAITS * waits.kvReadyTimeoutMs;
  await using stack = new AsyncDisposableStack();
  const board = stack.use(
    new KvReadyBoard({
      clock,
      finishedTtlMs: waits.finishedReqTtlMs,
      sweepIntervalMs: waits.cleanupIntervalMs,
      maxEntries: MAX_NOTICE_ENTRIES,
      waiterTtlMs: Math.max(
        waits.finishedReqTtlMs,
        longestPrefillMs(flow.timeouts) + waits.kvReadyTimeoutMs + graceMs,
      ),
      onResult: (event) => {
        metrics.count("pd_router_kv_notifications_total", { result: event });
      },
    }),
  );
  const taking = cluster?.around === undefined ? board : stack.use(cluster.around(board));
  const notifications = config.kind === "lmcache"
    ? stack.use(
      await startNotificationProxy({
        address: config.proxy,
        board: taking,
        log,
        clock,
        bind: bindPull ?? pullBinder(config.proxySocket),
        peers: doors.notifications,
        onRefused: (reason) => metrics.count("pd_router_kv_peers_refused_total", { reason }),
        ...(peers === undefined
          ? {}
          : { maxConnections: peers.most, descriptors: peers.descriptors }),
      }),
    )
    : undefined;
  const send = reclaimSender(flow);
  const reclaimer = new Reclaimer({ clock, log, metrics, background, send, graceMs });
  const parts = stack.move();
  return {
    deps: {
      ...flow,
      kv,
      board,
      ids: new KvRequestIds(random, kvTag),
      reclaimer,
      ...ports.parts ?? promptParts(flow, tokenize),
      kvReadyTimeoutMs: waits.kvReadyTimeoutMs,
      kvTimeoutPolicy: waits.kvTimeoutPolicy,
      ...(notifications === undefined ? {} : {
        notifications: cluster === undefined ? notifications : sharedPort(notifications),
      }),
    },
    board,
    reclaimer,
    notifications,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** Ranks that are not connected here may be to another replica, which hands their notifications over. */
function sharedPort(
  notifications: NotificationProxy,
): Pick<NotificationProxy, "endpoint" | "sight"> {
  const { endpoint } = notifications;
  return {
    endpoint,
    sight(host) {
      const seen = notifications.sight(host);
      return seen === "connected" || seen === "refused" ? seen : "untold";
    },
  };
}

function reclaimSender(flow: FlowDeps): SendReclaim {
  return async (engine, request, signal) => {
    using flight = flow.fleet.take(engine, "reclaim");
    try {
      using response = await exchange(flow, flight, {
        ...request,
        // A decode leg under the request's own id may still be running there.
        headers: withFreshId(request.headers, idOf(request.headers), flow.random),
        headTimeoutMs: flow.timeouts.prefillMs,
        signal,
      });
      await passOver(response, MAX_JSON_BYTES);
      flight.ok();
      return response.status;
    } catch (error) {
      flight.failed(error);
      throw error;
    }
  };
}

function idOf(fields: readonly HeaderField[]): string {
  return fields.find(([name]) => name.toLowerCase() === "x-request-id")?.[1] ?? "reclaim";
}

/** What makes ids of prompts, and what is known of engines' own limits. */
export type PromptParts = Pick<HandoffDeps, "tokenizer" | "prompts" | "limits">;

/** Build it. */
export function promptParts(flow: FlowDeps, { how, cacheBytes }: TokenizeOptions): PromptParts {
  const { clock, log, metrics, breather, background } = flow;
  const post = jsonPoster(flow);
  const remote = remoteTokenizer(post, breather);
  const tokenizer = cacheBytes === 0 ? remote : cachedTokenizer(remote, {
    maxBytes: cacheBytes,
    onLookup: (result) => metrics.count("pd_router_tokenize_cache_total", { result }),
  });
  const prompts = promptSource({
    how,
    tokenizer,
    post,
    breather,
    log,
    onResult: (by, result) => metrics.count("pd_router_tokenize_total", { how: by, result }),
  });
  const limits = new OwnLimits({
    clock,
    log,
    post,
    tokenizer: remote,
    cardOf: ({ id }, model) => {
      const entry = flow.fleet.snapshot().entries.find(({ engine }) => engine.id === id);
      return entry?.cards.find((card) => card.id === model);
    },
    signal: background.signal,
  });
  return { tokenizer, prompts, limits };
}

/** Largest answer of `/tokenize` and `/detokenize`, in bytes. */
const MAX_TOKENS_BYTES = 64 * 1024 * 1024;

function jsonPoster(flow: FlowDeps): PostJson {
  return async (engine, { path, body, read, failure }, caller) => {
    const about = { spans: caller.trace?.spans };
    using flight = flow.fleet.take(engine, "tokenize", undefined, undefined, about);
    const reply = async (): Promise<JsonReply> => {
      using response = await exchange(flow, flight, {
        path,
        headers: caller.headers,
        body,
        headTimeoutMs: flow.timeouts.tokenizeMs,
        signal: caller.signal,
      });
      const { status } = response;
      if (status >= 400) return { status, ...await readError(response) };
      return { status, body: await readWhole(response, MAX_TOKENS_BYTES) };
    };
    try {
      const found = await read(await reply().catch((cause) => Promise.reject(failure(cause))));
      flight.ok();
      return found;
    } catch (error) {
      flight.failed(error);
      throw error;
    }
  };
}
