/**
 * The configuration of one router, complete and checked: what every other part is built from.
 * @module
 */
import type { Engine, KvName, LoggerOptions } from "../base/mod.ts";
import type { AdminOptions } from "./admin.ts";
import type { ClusterOptions } from "./cluster.ts";
import type { DiscoveryOptions } from "./discovery_options.ts";
import type { DoorOptions } from "./doors.ts";
import type { ObserveOptions } from "./observe_options.ts";
import type { AllowedOrigins } from "./origins.ts";
import type { ModuleName } from "./module_name.ts";
import type { PolicyName } from "./policy_names.ts";
import type { ExternalProvider } from "./providers.ts";
import type { TracingOptions } from "./tracing_options.ts";

/** How an engine, or the engines of a handoff, are chosen. */
export interface Routing {
  /** For whole requests, and for the sides of a handoff of which nothing else is said. */
  readonly kind: PolicyName;
  readonly prefill?: PolicyName;
  readonly decode?: PolicyName;
  /** Header or body field that names the session; absent where requests have none. */
  readonly sessionKey?: string;
  /** Set where a policy looks at beginnings of prompts. */
  readonly prefix?: PrefixOptions;
  /** With `kvaware`: the tokens of a prompt that the best engine may lack. */
  readonly kvThreshold?: number;
  /** With `pair_score`: names of topology labels, the widest first. */
  readonly topology?: readonly string[];
}

/** How what engines tell of their caches is kept. */
export interface KvEventOptions {
  /** Size of the index, in bytes. */
  readonly indexBytes: number;
}

/** How beginnings of prompts are remembered. */
export interface PrefixOptions {
  /** A shorter match counts for nothing, in characters. */
  readonly minMatch: number;
  /** Size of the index, in bytes. */
  readonly indexBytes: number;
}

/** After a missing KV-ready notification: prefill again for another decode engine, or decode anyway. */
export type KvTimeoutPolicy = "retry" | "proceed";

/** What receives KV-ready notifications: this router's own ZMTP, or libzmq by `npm:zeromq`. */
export const PROXY_SOCKETS = ["builtin", "zeromq"] as const;
export type ProxySocket = (typeof PROXY_SOCKETS)[number];

/** Whether KV of each handoff has keys of its own in LMCache, or those of its tokens alone. */
export const LMCACHE_KEYS = ["own", "shared"] as const;
export type LmcacheKeys = (typeof LMCACHE_KEYS)[number];

/** Handoffs from prefill to decode engines over LMCache's NIXL path. */
export interface LmcacheHandoff {
  readonly kind: "lmcache";
  /** Where the PULL socket for KV-ready notifications binds. */
  readonly proxy: { readonly host: string; readonly port: number };
  readonly proxySocket: ProxySocket;
  /** Longest wait for the notifications after the prefill engine has answered. */
  readonly kvReadyTimeoutMs: number;
  readonly kvTimeoutPolicy: KvTimeoutPolicy;
  readonly keys: LmcacheKeys;
  /** How long the notifications of finished requests are recognised as late ones. */
  readonly finishedReqTtlMs: number;
  /** Period of the sweeper that forgets finished requests. */
  readonly cleanupIntervalMs: number;
}

/** Whether and how prompts are prefilled on another engine than the one that decodes. */
export type Handoff =
  | { readonly kind: "none" }
  | LmcacheHandoff
  /** Any other protocol: none has settings of its own. */
  | { readonly kind: Exclude<KvName, LmcacheHandoff["kind"]> };

/** How a prompt becomes token ids before, or with, its prefill in mode P1. */
export const TOKENIZE_WAYS = ["engine", "prefill", "render", "auto"] as const;
export type TokenizeWay = (typeof TOKENIZE_WAYS)[number];

/** When one engine serves what could be handed off. */
export interface HandoffWorth {
  /** A prompt with fewer tokens that are to be computed is not handed off; 0 for none. */
  readonly minPromptTokens: number;
  /** Nor is any while all prefill engines have more requests than this; 0 for no bound. */
  readonly maxPrefillQueue: number;
}

/** The same, and whether clients may say so themselves. */
export interface WorthOptions extends HandoffWorth {
  readonly routeHeader: boolean;
}

/** How engines of role `both` are moved. */
export interface ElasticOptions {
  /** At most one of a model in so long, in milliseconds. */
  readonly intervalMs: number;
  /** Engines of a model that each side keeps. */
  readonly minPrefill: number;
  /** At least 1. */
  readonly minDecode: number;
}

/** How prompts become token ids. */
export interface TokenizeOptions {
  readonly how: TokenizeWay;
  /** Size of the cache of `/tokenize` answers; 0 for none. */
  readonly cacheBytes: number;
}

/** Longest waits on an engine, in milliseconds. */
export interface Timeouts {
  /** For the TCP (and TLS) connection. */
  readonly connectMs: number;
  /** For the answer of `/tokenize` and of its like. */
  readonly tokenizeMs: number;
  /** For the answer of a prefill leg, and how much more for each token of its prompt. */
  readonly prefillMs: number;
  readonly prefillMsPerToken: number;
  /** For the head of a streamed answer. */
  readonly firstByteMs: number;
  /** For the head of an answer that is not streamed: engines send it when all of it is there. */
  readonly wholeAnswerMs: number;
  /** For the next byte within an answer. */
  readonly streamIdleMs: number;
}

/** What clients may take their time for, in milliseconds, and how many may come. */
export interface ClientLimits {
  /** From a request's first byte to the end of its head. */
  readonly headMs: number;
  /** For the next byte of a request's body. */
  readonly bodyIdleMs: number;
  /** For the client to take something of an answer that is there. */
  readonly writeIdleMs: number;
  /** Between requests on one connection. */
  readonly keepAliveMs: number;
  readonly maxConnections: number;
  /** Infinite where there is no bound of its own. */
  readonly maxPerAddress: number;
}

/** Legs of a handoff that a client's `X-data-parallel-rank` may be meant for. */
export const RANK_LEGS = ["decode", "prefill", "both"] as const;
export type RankLeg = (typeof RANK_LEGS)[number];

/** How clients are answered, and what engines are told of them. */
export interface AnswerOptions {
  /** Clients are told the engines' addresses. */
  readonly exposeEngines: boolean;
  readonly allowedOrigins: AllowedOrigins;
  /** When the head of a streamed answer that has not begun is sent, in milliseconds; absent: never. */
  readonly earlyHeadMs?: number;
  readonly rankLeg: RankLeg;
}

/** What a model is for, as far as that says what to ask of it. */
export const MODEL_TYPES = [
  "chat",
  "completion",
  "embeddings",
  "rerank",
  "score",
  "transcription",
  "vision",
  "messages",
] as const;

/** One of `MODEL_TYPES`. */
export type ModelType = typeof MODEL_TYPES[number];

/** How engines are tried with requests. Durations in milliseconds. */
export interface CheckOptions {
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** By the engine's URL, then by model. */
  readonly types: ReadonlyMap<string, ReadonlyMap<string, ModelType>>;
}

/** What becomes of a request for which no pair of engines is left. */
export const FAILURE_POLICIES = ["direct", "error"] as const;

/** One of `FAILURE_POLICIES`. */
export type FailurePolicy = typeof FAILURE_POLICIES[number];

/** When engines and pairs are gone around. Pauses in milliseconds. */
export interface HealthOptions {
  /** Failures in a row that shut an engine, and a pair. */
  readonly engineFailures: number;
  readonly pairFailures: number;
  readonly pauseMs: number;
  /** At least `pauseMs`. */
  readonly maxPauseMs: number;
  /** Of a role's engines, the share that may be shut for failures; 0 to 1. */
  readonly maxShutShare: number;
  /** How long an engine's share of requests grows; absent where it has all of it at once. */
  readonly slowStartMs?: number;
  /** Engines that differ in what matters to KV are paired all the same. */
  readonly pairUnequal?: true;
  /** Silence after which an engine is asked for a sign of life. */
  readonly frozenAfterMs: number;
  readonly failurePolicy: FailurePolicy;
  /** Of a decode engine's seats, the share for requests that no pair is left for; 0 to 1. */
  readonly fallbackShare: number;
  /** Go on with streams whose decode engine fails. */
  readonly continueStreams: boolean;
  /** Further attempts at one request, and the share of all requests that may have them. */
  readonly reroutes: number;
  readonly retryShare: number;
}

/** The router's own handoffs, by which it finds out whether KV moves. */
export interface CanaryOptions {
  /** From one round to the next, in milliseconds; 0: at the start alone. */
  readonly intervalMs: number;
}

/** What clients may have engines do beside answering. */
export interface ControlOptions {
  /** Put them to sleep, and load adapters. */
  readonly engines: boolean;
  /** Paths, and prefixes that end in `/*`, that are passed on to them. */
  readonly passThrough: readonly string[];
}

/** What one request may take. */
export interface RequestLimits {
  /** From its arrival to the end of its answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** How the router begins and ends. Durations in milliseconds. */
export interface LifecycleOptions {
  /** Whether its code is run before requests come. */
  readonly warmUp: boolean;
  /** How long requests are still taken once it is told to stop. */
  readonly drainDelayMs: number;
}

/** How a configuration is found out to be another one. */
export interface ReloadOptions {
  /** How often its files are looked at, in milliseconds. */
  readonly everyMs: number;
}

/** What engines get at a time, and who waits before them. */
export interface AdmissionOptions {
  /** Requests of each prefill engine, and of each other; absent: by what is known of it. */
  readonly maxPrefillInflight?: number;
  readonly maxInflight?: number;
  /** Requests that may wait; 0 for none. */
  readonly queueSize: number;
  /** How long each may, in milliseconds. */
  readonly queueTimeoutMs: number;
}

/** What is held of request bodies. */
export interface BufferLimits {
  /** Over all requests under way, in bytes. */
  readonly maxBytes: number;
}

/** File descriptors, and what is kept of them for whom. */
export interface DescriptorOptions {
  /** How many there are; undefined where that is not known. */
  readonly limit: number | undefined;
  /** Clients that they carry at once. */
  readonly clients: number;
  /** Most connections for KV-ready notifications. */
  readonly notifications: number;
  /** Held back for connections to engines, and for listeners. */
  readonly reserve: number;
}

/** Files that are kept, and batches of requests in them. */
export interface BatchOptions {
  /** Where: of this router alone. */
  readonly folder: string;
  /** Requests of batches at once. */
  readonly concurrency: number;
  /** One file of a client's, and all files and results, in bytes. */
  readonly maxFileBytes: number;
  readonly maxStorageBytes: number;
}

/** Processes that serve together: a number, or as many as there are cores. */
export type WorkerCount = number | "auto";

/** The operator's own code. */
export interface HookOptions {
  readonly callbacks?: ModuleName;
  readonly rewriter?: ModuleName;
  /** Longest that one call may take, in milliseconds. */
  readonly timeoutMs: number;
}

/** What is measured and how often. */
export interface StatsOptions {
  /** Period of reading the engines' `/metrics`. */
  readonly engineIntervalMs: number;
  /** Window of the request statistics. */
  readonly requestWindowMs: number;
  /** Whether statistics go to the log, every `logIntervalMs`. */
  readonly log: boolean;
  readonly logIntervalMs: number;
}

/** Everything a router is started with. */
export interface RouterConfig {
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Empty, or a path that begins with a slash and does not end with one. */
  readonly rootPath: string;
  /** URLs and ids are unique. Empty `models` are to be read from the engine. */
  readonly engines: readonly Engine[];
  readonly discovery: DiscoveryOptions;
  /** Model by alias. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly routing: Routing;
  /** Set where a policy goes by KV events: those of `engines` are followed. */
  readonly kvEvents?: KvEventOptions;
  /** With `lmcache`, `engines` has at least one prefill and one decode engine. */
  readonly handoff: Handoff;
  /** Absent: a handoff always pays. */
  readonly worth?: WorthOptions;
  /** Absent where no engine can be on either side. */
  readonly elastic?: ElasticOptions;
  readonly tokenize: TokenizeOptions;
  readonly timeouts: Timeouts;
  readonly clients: ClientLimits;
  readonly health: HealthOptions;
  /** Absent: engines are not tried. */
  readonly checks?: CheckOptions;
  /** Absent: no files are kept. */
  readonly batches?: BatchOptions;
  /** Absent: none are made. */
  readonly canary?: CanaryOptions;
  readonly answers: AnswerOptions;
  readonly requests: RequestLimits;
  readonly admission: AdmissionOptions;
  /** Absent: nothing. */
  readonly control?: ControlOptions;
  /** Absent: it is off. */
  readonly admin?: AdminOptions;
  readonly doors: DoorOptions;
  readonly descriptors: DescriptorOptions;
  /** Processes that serve on the port together; absent for one. */
  readonly workers?: WorkerCount;
  /** Where replicas meet; absent for a router by itself. */
  readonly cluster?: ClusterOptions;
  /** How long requests in flight may go on once the router takes no more. */
  readonly drainTimeoutMs: number;
  readonly lifecycle: LifecycleOptions;
  /** Absent: files are read again when that is asked for, and not before. */
  readonly reload?: ReloadOptions;
  readonly maxRequestBytes: number;
  readonly buffers: BufferLimits;
  /** Keep KV transfer fields that clients send. */
  readonly trustClientKvParams: boolean;
  /** Keep direct requests away from KV that waits on LMCache decode engines. */
  readonly lmcacheTagDirect: boolean;
  /** PEM file of certificate authorities for `https` engines. */
  readonly tlsCaFile?: string;
  /** Bearer token for the router's own requests to engines. Never to be printed. */
  readonly apiKey?: string;
  /** Absent: none. */
  readonly hooks?: HookOptions;
  /** Who serves models beside the engines; absent: nobody. */
  readonly external?: readonly ExternalProvider[];
  /** What a dynamic configuration file says, by its keys, as `/health` tells it; absent: none was read. */
  readonly dynamic?: Readonly<Record<string, string>>;
  readonly stats: StatsOptions;
  readonly observe: ObserveOptions;
  /** Absent: no request is traced. */
  readonly tracing?: TracingOptions;
  readonly log: LoggerOptions;
}
