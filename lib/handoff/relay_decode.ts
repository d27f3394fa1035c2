/** The decode leg of a relay: opened until the engine has taken the KV, then passed on. @module */
import type { AbortWatch, LazyAbort, RouterError } from "../base/mod.ts";
import { type GenerationRequest, originalBody } from "../disagg/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import {
  type Answer,
  answerHeaders,
  answerProblem,
  type ByteSource,
  exchange,
  type FlowDeps,
  isEventStream,
  legHeaders,
  logRouting,
  readBeginning,
  readError,
  type RequestContext,
  sourceOf,
} from "../request/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { asDecodeError, decodeError } from "./decode_error.ts";

/** A decode answer of which the first bytes are at hand. */
export type RelayOpenEnd =
  | {
    readonly kind: "open";
    readonly response: UpstreamResponse;
    /** As `Beginning.bytes`: undefined for an empty body. */
    readonly first: Uint8Array | undefined;
    readonly abort: LazyAbort;
    readonly close: () => void;
  }
  /** The engine refused the request (4xx), by its status or in its stream. */
  | { readonly kind: "refused"; readonly answer: Answer & { readonly body: Uint8Array } }
  | { readonly kind: "failed"; readonly error: RouterError };

/** What to open. */
export interface OpenAsk {
  readonly request: GenerationRequest;
  /** The client's path and query. */
  readonly path: string;
  /** Its end is said here, unless the leg opens. */
  readonly flight: Flight;
  /** `kv_transfer_params` for the decode engine. */
  readonly params: RawJson | undefined;
  /** Whether it may be sent a second time, where the first was not taken on. */
  readonly replayable: boolean;
  /** Have the answer tell the ids of its tokens, whether the client asks for them or not. */
  readonly tokenIds?: boolean;
  /** Ends the exchange. */
  readonly abort: LazyAbort;
}

/** Send the decode leg and read its beginning: then the engine has taken the KV. Never rejects. */
export async function openRelay(
  deps: FlowDeps,
  context: RequestContext,
  { request, path, flight, params, replayable, abort, tokenIds }: OpenAsk,
): Promise<RelayOpenEnd> {
  const { engine } = flight;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, flight, {
      path,
      headers: legHeaders(context, "decode"),
      body: originalBody(request, params, false, tokenIds),
      headTimeoutMs: request.stream ? deps.timeouts.firstByteMs : deps.timeouts.wholeAnswerMs,
      // What a prefill said of its KV is good for one request.
      replayable,
      signal: abort,
    });
    if (response.status >= 400) {
      using refused = response;
      const { status } = refused;
      const { message, refusal } = await readError(refused);
      if (refusal === undefined || status >= 500) {
        throw decodeError(engine, `answered ${status}: ${message}`, undefined, refusal);
      }
      flight.ok();
      return { kind: "refused", answer: refusal };
    }
    const problem = answerProblem(response, request.stream ? "events" : "json");
    // In the place of events, JSON may say why there are none.
    if (problem !== undefined && answerProblem(response, "json") !== undefined) {
      throw decodeError(engine, problem);
    }
    const { bytes: first, failure, refusal } = await readBeginning(response);
    if (failure !== undefined) {
      throw decodeError(engine, `failed: ${failure}`, undefined, refusal);
    }
    if (refusal !== undefined) {
      const headers = answerHeaders("application/json", response.headers);
      response[Symbol.dispose]();
      flight.ok();
      return { kind: "refused", answer: { ...refusal, headers } };
    }
    if (problem !== undefined) throw decodeError(engine, problem);
    context.trace.add("decode-first", engine.url);
    if (isEventStream(response)) flight.first();
    const opened = response;
    return { kind: "open", response, first, abort, close: () => opened[Symbol.dispose]() };
  } catch (cause) {
    response?.[Symbol.dispose]();
    const error = asDecodeError(engine, cause);
    if (!abort.aborted) flight.failed(error);
    return { kind: "failed", error };
  }
}

/** How much of a large beginning is given at once, in bytes. */
const PIECE_BYTES = 256 * 1024;

/** `rest` with copies of `first` before it, in pieces where it is large. */
export function startingWith(first: Uint8Array | undefined, rest: ByteSource): ByteSource {
  let head = first;
  return sourceOf({
    read() {
      const bytes = head;
      if (bytes === undefined) return rest.read();
      head = bytes.length > PIECE_BYTES ? bytes.subarray(PIECE_BYTES) : undefined;
      return Promise.resolve(bytes.slice(0, PIECE_BYTES));
    },
    cancel: () => rest.cancel(),
    failure: () => rest.failure,
  });
}

/** `source`, whose exchange ends at once when the client goes, even while it is being read. */
export function leavable(
  source: ByteSource,
  abort: LazyAbort,
  gone: AbortWatch,
): ByteSource {
  const stay = (): void => gone.removeEventListener("abort", cancel);
  const cancel = (): void => {
    stay();
    abort.abort();
    source.cancel();
  };
  // A signal aborted already fires no event.
  if (gone.aborted) cancel();
  else gone.addEventListener("abort", cancel, { once: true });
  return sourceOf({
    async read() {
      try {
        const bytes = await source.read();
        if (bytes === undefined) stay();
        return bytes;
      } catch (error) {
        stay();
        throw error;
      }
    },
    cancel,
    failure: () => source.failure,
  });
}
