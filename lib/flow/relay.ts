/**
 * Handoffs in which the whole answer, its first token included, comes from the decode engine: the
 * prefill engine gets the client's own request made safe, the decode engine the request itself.
 * Three protocols move the KV between the two; each is a `RelayProtocol`.
 * @module
 */
import type { Engine, RouterError } from "../base/mod.ts";
import { forcesTool, type GenerationRequest, originalBody, prefillBodyD1 } from "../disagg/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";
import type { Answer, ByteSource } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import { withCachedTokens } from "./cached_tokens.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { type Custody, openWhenReady } from "./custody.ts";
import { asDecodeError, decodeError } from "./decode_error.ts";
import { passThrough } from "./direct.ts";
import {
  clientGone,
  countEngineError,
  exchange,
  logRouting,
  orAborted,
  readError,
} from "./exchange.ts";
import { readBeginning } from "./engine_failure.ts";
import { refusedAnswer, withoutKv, withoutPrefill } from "./handoff_parts.ts";
import { type PrefillEnd, prefillLeg, type PrefillResult } from "./prefill.ts";

/** One attempt's fixed parts. */
export interface RelayAsk {
  readonly request: GenerationRequest;
  /** The client's path and query; both legs go there. */
  readonly path: string;
  readonly pair: Pair;
}

/** One transfer of KV, as its protocol arranges it before the prefill is sent. */
export interface RelayTransfer {
  /** `kv_transfer_params` of the prefill leg; undefined for none. */
  readonly prefillParams: string | undefined;
  /** Answers for the KV, given the prefill's end to come. */
  readonly custody: (prefill: Promise<PrefillEnd>) => Custody;
  /** `kv_transfer_params` of the decode leg, out of the prefill's answer; undefined for none. */
  readonly decodeParams: (result: PrefillResult) => RawJson | undefined;
}

/** How KV gets from the one engine to the other. */
export type RelayProtocol = (
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
) => RelayTransfer;

/** A decode answer of which the first bytes are at hand; undefined for an empty body. */
type RelayOpenEnd =
  | {
    readonly kind: "open";
    readonly response: UpstreamResponse;
    readonly first: Uint8Array | undefined;
    readonly abort: AbortController;
    readonly close: () => void;
  }
  | { readonly kind: "refused"; readonly answer: Answer }
  | { readonly kind: "failed"; readonly error: RouterError };

/** Try once with one pair. Throws `client-gone`. */
export async function attemptRelay(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  protocol: RelayProtocol,
): Promise<AttemptEnd> {
  const { request, path, pair } = ask;
  const transfer = protocol(deps, context, ask);
  const leg = prefillLeg(deps, context, {
    engine: pair.prefill,
    path,
    body: prefillBodyD1(request, transfer.prefillParams),
    mode: "decode",
  });
  using custody = transfer.custody(leg);
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind === "refused") {
    custody.release();
    // The refusal may be of what was relaxed, e.g. of a tool choice the engine is not set up for.
    if (forcesTool(request)) return { kind: "direct", reason: "tools" };
    return { kind: "answer", answer: refusedAnswer(end) };
  }
  if (end.kind === "failed") return withoutPrefill(end, pair);
  return await decodeAll(deps, context, ask, {
    custody: custody.move(),
    result: end.result,
    params: transfer.decodeParams(end.result),
  });
}

/** A prefill that has answered. */
interface Prefilled {
  readonly custody: Custody;
  readonly result: PrefillResult;
  readonly params: RawJson | undefined;
}

async function decodeAll(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { custody, result, params }: Prefilled,
): Promise<AttemptEnd> {
  const { pair } = ask;
  const { decode } = pair;
  using lease = deps.inflight.take(decode, "decode");
  const opened = await openWhenReady(
    deps,
    context,
    custody,
    (abort) => open(deps, context, { ask, params, abort }),
    context.signal,
  );
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out":
      return withoutKv(deps, pair);
    case "failed": {
      // A decode engine that cannot load KV fails as well when it is the prefill engine's fault.
      const avoid = params === undefined ? [decode.id] : [decode.id, pair.prefill.id];
      return { kind: "retry", reason: "decode_failed", error: opened.error, avoid };
    }
    case "refused":
      return { kind: "answer", answer: opened.answer };
    case "open": {
      const { response, first, abort } = opened;
      const rest = passThrough(deps, decode, "decode", response, lease.move());
      const body = leavable(startingWith(first, rest), abort, context.signal);
      const headers = forwardResponseHeaders(response.headers);
      return {
        kind: "answer",
        answer: withCachedTokens({ status: response.status, headers, body }, result.usage),
      };
    }
    default:
      return opened satisfies never;
  }
}

/** `rest` with `first` before it. */
function startingWith(first: Uint8Array | undefined, rest: ByteSource): ByteSource {
  let head = first;
  return {
    read() {
      const bytes = head;
      head = undefined;
      return bytes === undefined ? rest.read() : Promise.resolve(bytes);
    },
    cancel: () => rest.cancel(),
  };
}

/** `source`, whose exchange ends at once when the client goes, even while it is being read. */
function leavable(source: ByteSource, abort: AbortController, gone: AbortSignal): ByteSource {
  const cancel = (): void => {
    gone.removeEventListener("abort", cancel);
    abort.abort();
    source.cancel();
  };
  // A signal aborted already fires no event.
  if (gone.aborted) cancel();
  gone.addEventListener("abort", cancel, { once: true });
  return {
    async read() {
      const bytes = await source.read();
      if (bytes === undefined) gone.removeEventListener("abort", cancel);
      return bytes;
    },
    cancel,
  };
}

interface OpenAsk {
  readonly ask: RelayAsk;
  readonly params: RawJson | undefined;
  readonly abort: AbortController;
}

async function open(
  deps: HandoffDeps,
  context: RequestContext,
  { ask, params, abort }: OpenAsk,
): Promise<RelayOpenEnd> {
  const { request, pair } = ask;
  const engine: Engine = pair.decode;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, engine, {
      path: ask.path,
      headers: context.headers,
      body: originalBody(request, params),
      headTimeoutMs: request.stream ? deps.timeouts.firstByteMs : deps.timeouts.wholeAnswerMs,
      // What a prefill said of its KV is good for one request.
      replayable: params === undefined,
      signal: abort.signal,
    });
    if (response.status >= 400) {
      using refused = response;
      const { status, headers } = refused;
      const { body, message } = await readError(refused);
      if (status >= 500) throw decodeError(engine, `answered ${status}: ${message}`);
      const answer = { status, headers: forwardResponseHeaders(headers), body };
      return { kind: "refused", answer };
    }
    const { bytes: first, failure } = await readBeginning(response);
    if (failure !== undefined) throw decodeError(engine, `failed: ${failure}`);
    context.trace.add("decode-first", engine.url);
    const opened = response;
    return { kind: "open", response, first, abort, close: () => opened[Symbol.dispose]() };
  } catch (cause) {
    response?.[Symbol.dispose]();
    const error = asDecodeError(engine, cause);
    if (!abort.signal.aborted) countEngineError(deps, engine, "decode", error);
    return { kind: "failed", error };
  }
}
