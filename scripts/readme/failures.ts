/**
 * What can fail on the way of a request, and how a row of the table of failures says what comes of it.
 * The rows are held to the router by tests of their names.
 * @module
 */
import type { ErrorCode } from "../../lib/base/mod.ts";

/** Where a request is, in the order in which it gets there. */
export const PHASES = [
  "connect",
  "tokenize",
  "prefill before its answer",
  "prefill within its answer",
  "KV wait",
  "decode connect",
  "decode before its first byte",
  "mid-stream",
  "direct connect",
  "direct before its first byte",
  "direct mid-answer",
] as const;

/** One of them. */
export type Phase = typeof PHASES[number];

/** What an engine does there. */
export const FAILURES = [
  "refused",
  "reset",
  "frozen",
  "timed out",
  "4xx",
  "429",
  "503",
  "other 5xx",
  "bad body",
  "restart",
] as const;

/** One of them. */
export type Failure = typeof FAILURES[number];

/** What a client gets. */
export type Got =
  /** The whole answer, as one engine gives it. */
  | "right"
  /** The engine's own refusal or error, its status with it. */
  | "its words"
  | "502"
  | "504"
  /** The same in an error event, at the end of a stream whose head is out. */
  | "event: its words"
  | "event: 502"
  | "event: 504"
  /** What the engine has sent, such as it is. */
  | "as it came";

/** Requests by the mode of their handoff, and by whether they stream; `d1` is LMCache's D1. */
export type Shape = `${"p1" | "d1" | "nixl"}${"Whole" | "Stream"}`;

/**
 * Something that differs by shape. What is said of fewer shapes goes before what is said of more, and
 * what is said of D1 holds for other relays too.
 */
export type ByShape<T> =
  & { readonly all: T }
  & { readonly [Key in Shape | "p1" | "d1" | "nixl" | "whole" | "stream"]?: T };

/** What `by` says of one shape. */
export function ofShape<T>(by: ByShape<T>, shape: Shape): T {
  const [, mode = "", form = ""] = /^(p1|d1|nixl)(Whole|Stream)$/.exec(shape) ?? [];
  const relay = mode === "nixl" ? [`d1${form}`, "d1"] : [];
  const keys = [shape, mode, ...relay, form.toLowerCase()];
  for (const [key, value] of keys.map((key) => [key, by[key as keyof ByShape<T>]] as const)) {
    if (key !== "" && value !== undefined) return value;
  }
  return by.all;
}

/**
 * Who is asked behind a failure, in order: `t` to tokenize, `p` to prefill, `d` to decode, `a` for all of
 * it. 1 is the engine that fails, or the first of its role; `one` a decode engine for all of it. `on` for
 * what would have followed. Where the client gets anything but the answer, nobody is.
 */
export type Then =
  | ""
  | "on"
  | "one"
  | "p2 d1"
  | "p2 d2"
  | "p1 d1"
  | "p1 d2"
  | "d1"
  | "t2 p2 d1"
  | "t1 on"
  | "a1"
  | "a2";

/** What becomes of KV that may be at the decode engine, by `pd_router_drains_total`. */
export type Freed = "" | "drained" | "nothing_moved" | "failed";

/** The flag that ends a wait. */
export type Limit =
  | "--connect-timeout"
  | "--tokenize-timeout"
  | "--prefill-timeout"
  | "--nixl-kv-ready-timeout"
  | "--first-byte-timeout"
  | "--whole-answer-timeout"
  | "--stream-idle-timeout"
  | "--frozen-after";

/** How the flight of the engine that fails ends, which is what health learns from. */
export interface FlightEnd {
  readonly end: "ok" | "failed";
  /** The code of the innermost cause. */
  readonly root?: ErrorCode;
  readonly status?: number;
}

/** Failures of one phase. */
export type Cell = readonly [phase: Phase, ...failures: Failure[]];

/** One row. */
export interface FailureRow {
  readonly cells: readonly [Cell, ...Cell[]];
  /** Where other engines are left. */
  readonly gets: ByShape<Got>;
  /** Where none is, and `--handoff-failure-policy` is `error`. */
  readonly alone: ByShape<Got>;
  /** The same under `direct`, before anything has reached the client; as `alone` where absent. */
  readonly direct?: Got;
  /** Where other engines are left. */
  readonly then: ByShape<Then>;
  /** Where none is, and the client gets the answer all the same. */
  readonly aloneThen?: ByShape<Then>;
  readonly freed?: ByShape<Freed>;
  /** `leg` and `code` of `pd_router_engine_errors_total`; "" for none. */
  readonly errors?: ByShape<`${string} ${ErrorCode}` | "">;
  /** `reason` of `pd_router_direct_total` where `then` says `one`. */
  readonly reason?: "tokenize_refused" | "decode_refused";
  /** What is waited for before. */
  readonly after?: ByShape<Limit>;
  /** The engine is asked for a sign of life, and gone around until it gives one. */
  readonly silent?: true;
  readonly flight: ByShape<FlightEnd>;
}

/** `reason` of `pd_router_handoff_retries_total`, by the phase that failed. */
export const RETRY_REASONS: Readonly<Record<Phase, string>> = {
  "connect": "prefill_failed",
  "tokenize": "tokenize_failed",
  "prefill before its answer": "prefill_failed",
  "prefill within its answer": "prefill_failed",
  "KV wait": "kv_timeout",
  "decode connect": "decode_failed",
  "decode before its first byte": "decode_failed",
  "mid-stream": "decode_failed",
  "direct connect": "",
  "direct before its first byte": "",
  "direct mid-answer": "",
};
