/** The decode leg of a relay: opened until the engine has taken the KV, then passed on. @module */
import type { RouterError } from "../base/mod.ts";
import { type GenerationRequest, originalBody } from "../disagg/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import {
  type Answer,
  type ByteSource,
  exchange,
  type FlowDeps,
  legHeaders,
  logRouting,
  readBeginning,
  readError,
  type RequestContext,
} from "../request/mod.ts";
import { forwardResponseHeaders, type UpstreamResponse } from "../upstream/mod.ts";
import { asDecodeError, decodeError } from "./decode_error.ts";

/** A decode answer of which the first bytes are at hand; undefined for an empty body. */
export type RelayOpenEnd =
  | {
    readonly kind: "open";
    readonly response: UpstreamResponse;
    readonly first: Uint8Array | undefined;
    readonly abort: AbortController;
    readonly close: () => void;
  }
  | { readonly kind: "refused"; readonly answer: Answer }
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
  /** Ends the exchange. */
  readonly abort: AbortController;
}

/** Send the decode leg and read its beginning: then the engine has taken the KV. Never rejects. */
export async function openRelay(
  deps: FlowDeps,
  context: RequestContext,
  { request, path, flight, params, abort }: OpenAsk,
): Promise<RelayOpenEnd> {
  const { engine } = flight;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, flight, {
      path,
      headers: legHeaders(context, "decode"),
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
      flight.ok();
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
    if (!abort.signal.aborted) flight.failed(error);
    return { kind: "failed", error };
  }
}

/** `rest` with `first` before it. */
export function startingWith(first: Uint8Array | undefined, rest: ByteSource): ByteSource {
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
export function leavable(
  source: ByteSource,
  abort: AbortController,
  gone: AbortSignal,
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
  return {
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
  };
}
