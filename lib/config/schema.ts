/**
 * The configuration of one router, complete and checked: what every other part is built from.
 * @module
 */
import type { Engine, KvName, LoggerOptions } from "../base/mod.ts";
import type { DoorOptions } from "./doors.ts";
import type { AllowedOrigins } from "./origins.ts";
import type { PolicyName } from "./policy_names.ts";

/** How an engine, or the engines of a handoff, are chosen. */
export interface Routing {
  readonly kind: PolicyName;
  /** Header or body field that names the session; absent where requests have none. */
  readonly sessionKey?: string;
}

/** After a missing KV-ready notification: prefill again for another decode engine, or decode anyway. */
export type KvTimeoutPolicy = "retry" | "proceed";

/** What receives KV-ready notifications: this router's own ZMTP, or libzmq by `npm:zeromq`. */
export const PROXY_SOCKETS = ["builtin", "zeromq"] as const;
export type ProxySocket = (typeof PROXY_SOCKETS)[number];

/** Handoffs from prefill to decode engines over LMCache's NIXL path. */
export interface LmcacheHandoff {
  readonly kind: "lmcache";
  /** Where the PULL socket for KV-ready notifications binds. */
  readonly proxy: { readonly host: string; readonly port: number };
  readonly proxySocket: ProxySocket;
  /** Longest wait for the notifications after the prefill engine has answered. */
  readonly kvReadyTimeoutMs: number;
  readonly kvTimeoutPolicy: KvTimeoutPolicy;
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
  /** For the answer of a prefill leg. */
  readonly prefillMs: number;
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

/** What one request may take. */
export interface RequestLimits {
  /** From its arrival to the end of its answer, in milliseconds. */
  readonly timeoutMs: number;
}

/** What is held of request bodies. */
export interface BufferLimits {
  /** Over all requests under way, in bytes. */
  readonly maxBytes: number;
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
  /** Model by alias. */
  readonly aliases: ReadonlyMap<string, string>;
  readonly routing: Routing;
  /** With `lmcache`, `engines` has at least one prefill and one decode engine. */
  readonly handoff: Handoff;
  readonly tokenize: TokenizeOptions;
  readonly timeouts: Timeouts;
  readonly clients: ClientLimits;
  readonly answers: AnswerOptions;
  readonly requests: RequestLimits;
  readonly doors: DoorOptions;
  /** How long requests in flight may go on once the router is told to stop. */
  readonly drainTimeoutMs: number;
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
  readonly stats: StatsOptions;
  readonly log: LoggerOptions;
}
