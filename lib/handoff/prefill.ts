/** The prefill leg: sent, and its answer read as one of three ends. @module */
import {
  byteLength,
  type ByteParts,
  describeError,
  type Engine,
  errorCodeOf,
  isUnsent,
  type Lease,
  type Refusal,
  RouterError,
} from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import {
  encodingProblem,
  exchange,
  type FlowDeps,
  isRefused,
  legHeaders,
  logRouting,
  readError,
  type RequestContext,
  toldIn,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { HeaderField } from "../upstream/mod.ts";
import {
  type PrefillResult,
  type PrefillWish,
  readPrefillAnswer,
  resultIn,
} from "./prefill_answer.ts";
import { prefillWaitMs } from "./prefill_wait.ts";

export { type FirstTokenResult, type PrefillResult, tellsFirstToken } from "./prefill_answer.ts";

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

/** What to send. */
export interface PrefillAsk extends PrefillWish {
  readonly pair: Pair;
  readonly path: string;
  readonly body: ByteParts;
  readonly model?: string | undefined;
  /** Of the prefill engine: moved, and given back when the leg has ended. */
  readonly seat?: Lease | undefined;
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
  const about = { prompt: context.prompt, model: ask.model, record: context.trace };
  using flight = deps.fleet.take(prefill, "prefill", decode, ask.seat, about);
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
      headTimeoutMs: prefillWaitMs(deps.timeouts, byteLength(ask.body)),
      // Sent twice, it would move its KV twice, under one id.
      replayable: false,
      signal: deps.background.signal,
    });
    if (response.status === 200) {
      const problem = encodingProblem(response);
      if (problem !== undefined) return failed(engine, problem);
      const answer = await readPrefillAnswer(deps.breather, response);
      const told = toldIn(answer.body, answer.json);
      if (told !== undefined) {
        return isRefused(told)
          ? { kind: "refused", ...told.refusal }
          : failed(engine, `failed: ${told.message}`, { refusal: told.refusal });
      }
      const result = resultIn(ask, answer, response.headers);
      return typeof result === "string" ? failed(engine, result) : { kind: "ok", result };
    }
    const { message, refusal } = await readError(response);
    if (refusal !== undefined && refusal.status < 500) return { kind: "refused", ...refusal };
    // Of an engine whose core has died, vLLM's server tells with 500 before it ends.
    const told = response.status === 503;
    return failed(engine, `answered ${response.status}: ${message}`, { told, refusal });
  } catch (cause) {
    const sent = !isUnsent(cause);
    const what = cause instanceof SyntaxError ? "answered 200 without a JSON object" : "failed";
    return failed(engine, `${what}: ${describeError(cause)}`, { cause, sent });
  }
}

interface FailureDetails {
  readonly cause?: unknown;
  readonly sent?: boolean;
  readonly told?: boolean;
  readonly refusal?: Refusal | undefined;
}

function failed(
  engine: Engine,
  what: string,
  { cause, refusal, sent = true, told = false }: FailureDetails = {},
): PrefillEnd {
  const code = errorCodeOf(cause) === "upstream-timeout" ? "upstream-timeout" : "prefill-failed";
  const error = new RouterError(code, `Prefill on engine ${engine.url} ${what}`, {
    cause,
    refusal,
  });
  return { kind: "failed", error, sent, told };
}
