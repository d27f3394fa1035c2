/** The prefill leg: sent, and its answer read as one of three ends. @module */
import {
  type ByteParts,
  decodeUtf8,
  describeError,
  type Engine,
  errorCodeOf,
  type FirstToken,
  RouterError,
} from "../base/mod.ts";
import { asUsage, JsonObject, type Usage } from "../openai/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import type { FlowDeps, RequestContext } from "./context.ts";
import { countEngineError, exchange, logRouting, MAX_JSON_BYTES, readError } from "./exchange.ts";

/** What a finished prefill told. */
export interface PrefillResult {
  /** Id of the first token; undefined in mode D1, where nobody needs it. */
  readonly firstToken: number | undefined;
  readonly text: string;
  /** `length` when the answer goes on, `stop` when its first token ended it. */
  readonly finishReason: string;
  readonly stopReason: unknown;
  readonly usage: Usage | undefined;
  /** The whole answer, for its unknown fields. */
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
  /** `sent`: the engine may have worked on it, and its KV may have moved. */
  | { readonly kind: "failed"; readonly error: RouterError; readonly sent: boolean };

/** What to send. */
export interface PrefillAsk {
  readonly engine: Engine;
  readonly path: string;
  readonly body: ByteParts;
  readonly mode: FirstToken;
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
  using _lease = deps.inflight.take(ask.engine, "prefill");
  logRouting(deps, context, ask.engine);
  context.trace.add("prefill-sent", ask.engine.url);
  const end = await run(deps, context, ask);
  context.trace.add("prefill-done", ask.engine.url, end.kind);
  if (end.kind === "failed") countEngineError(deps, ask.engine, "prefill", end.error);
  return end;
}

async function run(
  deps: FlowDeps,
  context: RequestContext,
  ask: PrefillAsk,
): Promise<PrefillEnd> {
  const { engine } = ask;
  try {
    using response = await exchange(deps, engine, {
      path: ask.path,
      headers: context.headers,
      body: ask.body,
      headTimeoutMs: deps.timeouts.prefillMs,
      signal: deps.background.signal,
    });
    if (response.status === 200) {
      const bytes = (await response.readAll(MAX_JSON_BYTES)).slice();
      return readResult(ask, new JsonObject(bytes), response.headers);
    }
    const { body, message } = await readError(response);
    if (response.status >= 400 && response.status < 500) {
      return { kind: "refused", status: response.status, headers: response.headers, body };
    }
    return failed(engine, `answered ${response.status}: ${message}`);
  } catch (cause) {
    const sent = errorCodeOf(cause) !== "upstream-unreachable";
    const what = cause instanceof SyntaxError ? "answered 200 without a JSON object" : "failed";
    return failed(engine, `${what}: ${describeError(cause)}`, { cause, sent });
  }
}

function failed(
  engine: Engine,
  what: string,
  details: { readonly cause?: unknown; readonly sent?: boolean } = {},
): PrefillEnd {
  const code = errorCodeOf(details.cause) === "upstream-timeout"
    ? "upstream-timeout"
    : "prefill-failed";
  const error = new RouterError(code, `Prefill on engine ${engine.url} ${what}`, {
    cause: details.cause,
  });
  return { kind: "failed", error, sent: details.sent ?? true };
}

function readResult(
  ask: PrefillAsk,
  answer: JsonObject,
  headers: readonly HeaderField[],
): PrefillEnd {
  const body: Readonly<Record<string, unknown>> = JSON.parse(decodeUtf8(answer.bytes));
  const choices = body["choices"];
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const fields = (choice ?? {}) as Readonly<Record<string, unknown>>;
  const { finish_reason: finish, stop_reason: stop, text } = fields;
  // Other endpoints than the two with choices tell their end in other ways; it concerns nobody.
  if (ask.mode === "prefill" && typeof finish !== "string") {
    return failed(ask.engine, "answered 200 without a finished choice");
  }
  if (typeof finish === "string" && !["length", "stop", "tool_calls"].includes(finish)) {
    return failed(ask.engine, `ended with finish_reason '${finish}'`);
  }
  const firstToken = firstTokenOf(body["kv_transfer_params"]);
  if (ask.mode === "prefill" && firstToken === undefined) {
    return failed(
      ask.engine,
      "answered without kv_transfer_params.first_tok: does it run LMCache as a PD sender?",
    );
  }
  return {
    kind: "ok",
    result: {
      firstToken,
      text: typeof text === "string" ? text : "",
      finishReason: typeof finish === "string" ? finish : "length",
      stopReason: stop ?? null,
      usage: asUsage(body["usage"]),
      body,
      kvParams: answer.raw("kv_transfer_params"),
      headers,
    },
  };
}

function firstTokenOf(params: unknown): number | undefined {
  const token = (params as { readonly first_tok?: unknown } | null | undefined)?.first_tok;
  return typeof token === "number" && Number.isSafeInteger(token) && token >= 0 ? token : undefined;
}
