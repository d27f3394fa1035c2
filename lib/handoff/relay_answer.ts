/** What a client is sent of a relay: the decode engine's answer, whole or as it comes. @module */
import { type GenerationRequest, isTextRequest } from "../disagg/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import type { RawJson, Usage } from "../openai/mod.ts";
import {
  type Answer,
  type ByteSource,
  isEventStream,
  passThrough,
  type RequestContext,
  tokensToldIn,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders } from "../upstream/mod.ts";
import { withCachedTokens } from "./cached_tokens.ts";
import type { HandoffDeps } from "./deps.ts";
import { type HandoffWatch, lastCountIn, tellsItsOwn, watchedCount } from "./kv_witness.ts";
import type { FindOnward } from "./onward.ts";
import { leavable, type RelayOpenEnd, startingWith } from "./relay_decode.ts";
import { WatchedStream } from "./watched_stream.ts";

/** Whose answer. */
export interface RelayedAsk {
  readonly request: GenerationRequest;
  readonly pair: Pair;
  /** Finds another pair that goes on with the stream; absent where none may. */
  readonly find?: FindOnward | undefined;
}

/** What the answer is made of. */
export interface RelayedParts {
  readonly opened: Extract<RelayOpenEnd, { readonly kind: "open" }>;
  /** The decode engine's; moved where the answer is still to come. */
  readonly flight: Flight;
  readonly params: RawJson | undefined;
  /** The prefill's; asked for later where it is still under way. */
  readonly usage: Usage | undefined | (() => Usage | undefined);
  readonly watch: HandoffWatch | undefined;
}

/** Largest answer that is given as a whole where all of it has come, in bytes. */
const WHOLE_BYTES = 256 * 1024;

/** The answer of a decode leg that has opened. */
export function relayedAnswer(
  deps: HandoffDeps,
  context: RequestContext,
  { request, pair, find }: RelayedAsk,
  { opened, flight, params, usage, watch }: RelayedParts,
): Answer {
  const { response, first, abort } = opened;
  const prefilled = typeof usage === "function" ? usage : () => usage;
  const told = (cached: number | undefined): void =>
    watch?.ended(prefilled()?.prompt_tokens, tellsItsOwn(params) ? cached : undefined);
  const { status } = response;
  const headers = forwardResponseHeaders(response.headers);
  const whole = wholeBody(opened);
  if (whole !== undefined) {
    const tokens = tokensToldIn(whole);
    if (tokens !== undefined) flight.used(tokens);
    flight.ok();
    if (watch !== undefined) told(lastCountIn(whole));
    return withCachedTokens({ status, headers, body: whole }, usage);
  }
  const passed = (): ByteSource => startingWith(first, passThrough(flight.move(), response, first));
  const rest = find !== undefined && isTextRequest(request) && isEventStream(response)
    ? new WatchedStream(deps, context, {
      request,
      pair,
      find,
      usage: prefilled,
      opened,
      flight: flight.move(),
      onEnd: told,
    })
    : watch === undefined
    ? passed()
    : watchedCount(passed(), told);
  const body = leavable(rest, abort, context.signal);
  return withCachedTokens({ status, headers, body }, usage);
}

/** The whole answer, where it is small and all of it has come. */
function wholeBody(
  { response, first }: Pick<RelayedParts["opened"], "response" | "first">,
): Uint8Array | undefined {
  if (first === undefined || first.length > WHOLE_BYTES || isEventStream(response)) {
    return undefined;
  }
  if (first.length !== Number(response.header("content-length"))) return undefined;
  // The memory of so little is its own.
  return first.buffer instanceof ArrayBuffer && !first.buffer.resizable ? first : first.slice();
}
