/**
 * What is told of requests and of the fleet, as JSON: the bodies of `GET /admin/requests` and the events
 * of `GET /admin/live`. Durations are milliseconds, times Unix seconds, engines go by their ids.
 * @module
 */
import type { RequestOutcome, Route } from "../request/mod.ts";

/** Parts of a request's time that follow one another. */
export const PHASES = ["queue", "tokenize", "prefill", "kv_wait", "first_byte", "stream"] as const;
export type Phase = (typeof PHASES)[number];

/**
 * Where a request's time went, in milliseconds; what did not take place is absent. Of several attempts
 * it is the last one's. `ttft` and `total` are from the arrival; `itl` is the mean between two tokens.
 */
export type PhaseTimes = { readonly [P in Phase | "ttft" | "itl" | "total"]?: number };

/** Tokens of a request; `about` where the engine has not told and they were estimated. */
export interface TokensView {
  readonly prompt: number | null;
  readonly answer: number | null;
  readonly about: boolean;
}

/** One request of the list. */
export interface RequestView {
  /** Its number in this router's life: unique, and grows with arrivals. */
  readonly seq: number;
  /** The client's `X-Request-Id`, or one made for it: clients may repeat theirs. */
  readonly id: string;
  readonly path: string;
  readonly model: string | null;
  /** The name of the API key it was let in with. */
  readonly key: string | null;
  readonly route: Route;
  /** Why it was not handed off. */
  readonly reason: string | null;
  readonly stream: boolean;
  /** What it is doing; `ended` once its answer has. */
  readonly state: Phase | "arrived" | "ended";
  readonly outcome: RequestOutcome | null;
  readonly status: number | null;
  /** The code of what it failed for, e.g. `decode-failed`. */
  readonly error: string | null;
  /** When it came. */
  readonly received: number;
  /** The engine that prefilled it for another. */
  readonly prefill: string | null;
  /** The engine that gives the answer, behind its prefill or alone. */
  readonly decode: string | null;
  readonly phases: PhaseTimes;
  readonly tokens: TokensView | null;
  /** Attempts beyond the first. */
  readonly retries: number;
  /** The decode engine was asked without the news that the KV is there. */
  readonly lacks_kv: boolean;
  /** The OpenTelemetry trace that it is in; absent where it is in none. */
  readonly trace_id?: string;
}

/** One step of a request. */
export interface EventView {
  readonly step: string;
  /** Since its arrival. */
  readonly at: number;
  readonly engine: string | null;
  readonly note: string | null;
}

/** One exchange of a request with an engine that is over. */
export interface LegView {
  readonly leg: string;
  readonly engine: string;
  /** The other engine of the handoff. */
  readonly peer: string | null;
  readonly end: "ok" | "failed" | "left";
  readonly code: string | null;
  readonly status: number | null;
  /** From its beginning to its head, its first token, its end. */
  readonly head: number | null;
  readonly first: number | null;
  readonly ms: number;
  readonly tokens: TokensView | null;
}

/** One request with all that is kept of it. */
export interface RequestDetail extends RequestView {
  readonly events: readonly EventView[];
  /** Events beyond those kept. */
  readonly events_cut: number;
  readonly legs: readonly LegView[];
}

/** The list: the latest first. */
export interface RequestList {
  readonly requests: readonly RequestView[];
  /** Requests that have not ended, at this moment. */
  readonly under_way: number;
  /** Requests that have ended and are kept, and how many are at most. */
  readonly kept: number;
  readonly capacity: number;
}

/** One engine at a moment. Figures that nobody knows are null. */
export interface EngineLive {
  readonly id: string;
  readonly url: string;
  /** The side that it is on. */
  readonly role: "prefill" | "decode" | "any";
  /** It can be on either side. */
  readonly elastic: boolean;
  readonly models: readonly string[];
  /** As of `GET /admin/engines`. */
  readonly state: string;
  /** It was told to drain here. */
  readonly drained: boolean;
  readonly verdict: string;
  /** The code of what speaks against it. */
  readonly why: string | null;
  /** Requests of this router at it, all legs. */
  readonly inflight: number;
  /** Most requests that it gets at a time. */
  readonly seats: number | null;
  /** Requests that it works on, and that wait in it, of all its clients, as it said last. */
  readonly running: number | null;
  readonly waiting: number | null;
  /** Share of its KV cache in use, 0 to 1. */
  readonly kv_use: number | null;
  /** Of the tokens looked up in its prefix cache, the share found, 0 to 1. */
  readonly hit_rate: number | null;
  /** Requests begun in a second, and means over the window of `--request-stats-window`. */
  readonly qps: number | null;
  readonly latency: number | null;
  readonly itl: number | null;
  /** What else `/engines` remarks of it, such as `recompute_suspected`, `canary` or `unequal`. */
  readonly remarks: Readonly<Record<string, unknown>>;
}

/** Handoffs between two engines. Counts are since the router began, or since one of them came. */
export interface PairLive {
  readonly prefill: string;
  readonly decode: string;
  /** `good`, `probation` or `shut`. */
  readonly verdict: string;
  readonly why: string | null;
  /** The likely cause, where KV is not found at the decode engine. */
  readonly recompute: string | null;
  /** Requests under way on it, by what they are doing. */
  readonly under_way: { readonly [P in Phase]?: number };
  /** Handoffs that have ended well, and otherwise. */
  readonly ok: number;
  readonly failed: number;
  /** Prompt tokens of those that ended well. */
  readonly tokens: number;
  /** Of the last that had one. */
  readonly kv_wait: number | null;
  /** When the last one ended. */
  readonly last: number | null;
}

/** How a time was spread over the last five minutes. */
export interface DistributionLive {
  /** Values up to `bounds[i]`, and above `bounds[i - 1]`, are counted in `counts[i]`; the last has the rest. */
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  /** The bound below which half, 95 % and 99 % are, by interpolation; null for none. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** Times whose distribution is told. */
export const DISTRIBUTIONS = [
  "queue",
  "tokenize",
  "prefill",
  "kv_wait",
  "first_byte",
  "ttft",
  "itl",
  "total",
] as const;
export type DistributionName = (typeof DISTRIBUTIONS)[number];

/** The router as a whole. Counts are since it began. */
export interface RouterLive {
  readonly ready: boolean;
  readonly draining: boolean;
  /** What keeps it from doing its work. */
  readonly ailment: string | null;
  /** Requests that have not ended; of these, those that wait for room, and for KV. */
  readonly under_way: number;
  readonly queued: number;
  readonly kv_waiters: number;
  readonly connections: number;
  readonly buffered_bytes: number;
  /** Requests that have ended, by outcome. */
  readonly ended: { readonly [O in RequestOutcome]: number };
  /** By the way they took. */
  readonly routes: Readonly<Record<string, number>>;
  /** Requests that have ended in a second, since the event before. */
  readonly rate: number;
}

/** The event `hello`: the first of each stream. */
export interface HelloEvent {
  readonly version: string;
  /** When the router began. */
  readonly started: number;
  /** Between two `fleet` events. */
  readonly interval: number;
  /** `lmcache`, `nixl`, `shared_storage` or `none`. */
  readonly kv: string;
}

/** The event `fleet`. With `full`, all there is; else what differs from the event before. */
export interface FleetEvent {
  readonly full: boolean;
  readonly now: number;
  readonly router: RouterLive;
  readonly engines: readonly EngineLive[];
  /** Ids of engines that have gone. */
  readonly gone: readonly string[];
  /** Pairs that have had a handoff, or that something is told of. */
  readonly pairs: readonly PairLive[];
  readonly gone_pairs: readonly (readonly [prefill: string, decode: string])[];
  readonly times: { readonly [N in DistributionName]?: DistributionLive };
}

/** The event `requests`: those that have ended since the event before, the earliest first. */
export interface RequestsEvent {
  readonly ended: readonly RequestView[];
  /** Others that have ended, and are not told. */
  readonly untold: number;
}
