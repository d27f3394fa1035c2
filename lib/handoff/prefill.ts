/** The prefill leg: sent, and its answer read as one of three ends. @module */
import {
  type ByteParts,
  decodeUtf8,
  describeError,
  type Engine,
  errorCodeOf,
  inSlices,
  isUnsent,
  type Mode,
  recordOf,
  RouterError,
} from "../base/mod.ts";
import {
  asUsage,
  logprobsIn,
  type SplitAnswer,
  splittingPromptIds,
  type TokenLogprobs,
  type Usage,
} from "../openai/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import {
  exchange,
  type FlowDeps,
  legHeaders,
  logRouting,
  MAX_JSON_BYTES,
  readError,
  type RequestContext,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";

/** What a finished prefill told. */
export interface PrefillResult {
  /** Id of the first token; undefined in mode D1, where nobody needs it. */
  readonly firstToken: number | undefined;
  /**
   * Text of the first token; undefined when a parser of the chat endpoint has taken it out of the
   * content, as reasoning or as the beginning of a tool call.
   */
  readonly text: string | undefined;
  /** What the answer gives for the prompt's ids, from `[` to `]`, unchecked; if it does. */
  readonly promptIds: Uint8Array | undefined;
  /** Of the first token, when asked for. */
  readonly logprobs: TokenLogprobs | undefined;
  /** `length` when the answer goes on, `stop` when its first token ended it. */
  readonly finishReason: string;
  readonly stopReason: unknown;
  readonly usage: Usage | undefined;
  /** The whole answer but for the prompt's ids, for its unknown fields. */
  readonly body: Readonly<Record<string, unknown>>;
  /** `kv_transfer_params` as they stand in the answer; undefined when absent or `null`. */
  readonly kvParams: Uint8Array | undefined;
  readonly headers: readonly HeaderField[];
}

/** How a prefill leg ended; it never rejects. */
export type PrefillEnd =
  | { readonly kind: "ok"; readonly result: PrefillResult }
  /** The engine refused the request (4xx): the client's to know. */
  | {
    readonly kind: "refused";
    readonly status: number;
    readonly headers: readonly HeaderField[];
    readonly body: Uint8Array;
  }
  | {
    readonly kind: "failed";
    readonly error: RouterError;
    /** The engine may have worked on it, and its KV may have moved. */
    readonly sent: boolean;
    /** The engine said that it takes nothing on at the moment (503). */
    readonly told: boolean;
  };

/** A finished prefill whose first token the client gets. */
export type FirstTokenResult = PrefillResult & { readonly firstToken: number };

/** Whether `result` tells the first token: in mode P1 it does. */
export function tellsFirstToken(result: PrefillResult): result is FirstTokenResult {
  return result.firstToken !== undefined;
}

/** What to send. */
export interface PrefillAsk {
  readonly pair: Pair;
  readonly path: string;
  readonly body: ByteParts;
  readonly mode: Mode;
  /** Whether the body asks for log-probabilities. */
  readonly logprobs?: boolean;
}

/**
 * Run the prefill leg to its end, whether the client stays or not: aborted before its first token,
 * a prefill that returns that token can take the engine's scheduler down.
 */
export async function prefillLeg(
  deps: FlowDeps,
  context: RequestContext,
  ask: PrefillAsk,
): Promise<PrefillEnd> {
  const { prefill, decode } = ask.pair;
  using _held = context.held?.hold();
  using flight = deps.fleet.take(prefill, "prefill", decode);
  logRouting(deps, context, prefill);
  context.trace.add("prefill-sent", prefill.url);
  const end = await run(deps, context, ask, flight);
  context.trace.add("prefill-done", prefill.url, end.kind);
  if (end.kind === "failed") flight.failed(end.error);
  else flight.ok();
  return end;
}

async function run(
  deps: FlowDeps,
  context: RequestContext,
  ask: PrefillAsk,
  flight: Flight,
): Promise<PrefillEnd> {
  const { engine } = flight;
  try {
    using response = await exchange(deps, flight, {
      path: ask.path,
      headers: legHeaders(context, "prefill"),
      body: ask.body,
      headTimeoutMs: deps.timeouts.prefillMs,
      // Sent twice, it would move its KV twice, under one id.
      replayable: false,
      signal: deps.background.signal,
    });
    if (response.status === 200) {
      const bytes = await response.readAll(MAX_JSON_BYTES);
      const split = await inSlices(splittingPromptIds(bytes), deps.breather);
      return readResult(ask, split, response.headers);
    }
    const { body, message } = await readError(response);
    if (response.status >= 400 && response.status < 500) {
      return { kind: "refused", status: response.status, headers: response.headers, body };
    }
    // Of an engine whose core has died, vLLM's server tells with 500 before it ends.
    const told = response.status === 503;
    return failed(engine, `answered ${response.status}: ${message}`, { told });
  } catch (cause) {
    const sent = !isUnsent(cause);
    const what = cause instanceof SyntaxError ? "answered 200 without a JSON object" : "failed";
    return failed(engine, `${what}: ${describeError(cause)}`, { cause, sent });
  }
}

function failed(
  engine: Engine,
  what: string,
  details: { readonly cause?: unknown; readonly sent?: boolean; readonly told?: boolean } = {},
): PrefillEnd {
  const code = errorCodeOf(details.cause) === "upstream-timeout"
    ? "upstream-timeout"
    : "prefill-failed";
  const error = new RouterError(code, `Prefill on engine ${engine.url} ${what}`, {
    cause: details.cause,
  });
  return { kind: "failed", error, sent: details.sent ?? true, told: details.told ?? false };
}

function readResult(
  ask: PrefillAsk,
  { promptIds, rest }: SplitAnswer,
  headers: readonly HeaderField[],
): PrefillEnd {
  const body: Readonly<Record<string, unknown>> = JSON.parse(decodeUtf8(rest.bytes));
  const choices = body["choices"];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const fields = (choice ?? {}) as Readonly<Record<string, unknown>>;
  const { finish_reason: finish, stop_reason: stop } = fields;
  // Other endpoints than the two with choices tell their end in other ways; it concerns nobody.
  if (ask.mode === "p1" && typeof finish !== "string") {
    return failed(ask.pair.prefill, "answered 200 without a finished choice");
  }
  if (typeof finish === "string" && !["length", "stop", "tool_calls"].includes(finish)) {
    return failed(ask.pair.prefill, `ended with finish_reason '${finish}'`);
  }
  const firstToken = firstTokenOf(body["kv_transfer_params"], fields["token_ids"]);
  if (ask.mode === "p1" && firstToken === undefined) {
    return failed(
      ask.pair.prefill,
      "answered without kv_transfer_params.first_tok: does it run LMCache as a PD sender?",
    );
  }
  const logprobs = ask.logprobs === true ? logprobsIn(rest.bytes) : undefined;
  if (ask.logprobs === true && logprobs === undefined) {
    return failed(ask.pair.prefill, "answered without the log-probabilities it was asked for");
  }
  return {
    kind: "ok",
    result: {
      firstToken,
      logprobs,
      text: textOf(fields),
      promptIds,
      finishReason: typeof finish === "string" ? finish : "length",
      stopReason: stop ?? null,
      usage: asUsage(body["usage"]),
      body,
      kvParams: rest.raw("kv_transfer_params"),
      headers,
    },
  };
}

/**
 * LMCache says it (`lmcache/integration/vllm/vllm_v1_adapter.py`, `request_finished`), and so does
 * vLLM where `return_token_ids` is asked for.
 */
function firstTokenOf(params: unknown, ids: unknown): number | undefined {
  const said = (params as { readonly first_tok?: unknown } | null | undefined)?.first_tok;
  const token: unknown = said ?? (Array.isArray(ids) ? ids[0] : undefined);
  return typeof token === "number" && Number.isSafeInteger(token) && token >= 0 ? token : undefined;
}

/** What parsers of the chat endpoint make of a text; the older name of reasoning too. */
const PARSED = ["reasoning", "reasoning_content", "tool_calls"] as const;

/** The text of a completion's choice, or of a chat's. */
function textOf(
  { text, message }: Readonly<Record<string, unknown>>,
): PrefillResult["text"] {
  if (typeof text === "string") return text;
  const said = recordOf(message);
  if (said === undefined) return "";
  const { content } = said;
  if (typeof content !== "string") return undefined;
  const taken = content === "" && PARSED.some((key) => {
    const value = said[key];
    return Array.isArray(value) ? value.length > 0 : Boolean(value);
  });
  return taken ? undefined : content;
}
