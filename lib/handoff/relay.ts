/**
 * Handoffs in which the whole answer, its first token included, comes from the decode engine: the
 * prefill engine gets the client's own request made safe, the decode engine the request itself. How
 * the KV moves between the two is the protocol's.
 * @module
 */
import { forcesTool, type GenerationRequest, prefillBodyD1, reclaimBodyD1 } from "../disagg/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import { Custody, type KvProtocol, type Transfer } from "../kv/mod.ts";
import type { RawJson, Usage } from "../openai/mod.ts";
import {
  clientGone,
  legHeaders,
  orAborted,
  passThrough,
  type RequestContext,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders } from "../upstream/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import { withCachedTokens } from "./cached_tokens.ts";
import type { HandoffDeps } from "./deps.ts";
import {
  kvTimeout,
  refusedAnswer,
  withoutKv,
  withoutPrefill,
  withoutRoom,
} from "./handoff_parts.ts";
import {
  type DecodeOpening,
  LEAVE_WHOLE_MS,
  openNow,
  openWhenReady,
  type ReadyEnd,
} from "./open_when_ready.ts";
import { type PrefillEnd, prefillLeg } from "./prefill.ts";
import { leavable, openRelay, type RelayOpenEnd, startingWith } from "./relay_decode.ts";

/** One attempt's fixed parts. */
export interface RelayAsk {
  readonly request: GenerationRequest;
  /** The client's path and query; both legs go there. */
  readonly path: string;
  readonly pair: Pair;
}

/** Try once with one pair. Throws `client-gone`. */
export async function attemptRelay(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  protocol: KvProtocol,
): Promise<AttemptEnd> {
  const { request, path, pair } = ask;
  const transfer = protocol.begin(deps, { pair, mode: "d1", requestId: context.id });
  const leg = prefillLeg(deps, context, {
    pair,
    path,
    body: prefillBodyD1(request, transfer.prefillParams),
    mode: "d1",
  });
  using custody = new Custody(deps.reclaimer, {
    transfer,
    decode: pair.decode,
    prefill: leg,
    path,
    headers: legHeaders(context, "decode"),
    requestId: context.id,
    body: (params) => reclaimBodyD1(request, params),
    held: context.held?.hold(),
  });
  return protocol.traits.order === "together"
    ? await together(deps, context, ask, { transfer, leg, custody: custody.move() })
    : await prefillFirst(deps, context, ask, { transfer, leg, custody: custody.move() });
}

/** A prefill under way, and what its KV is to move by. */
interface Begun {
  readonly transfer: Transfer;
  readonly leg: Promise<PrefillEnd>;
  readonly custody: Custody;
}

async function prefillFirst(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { transfer, leg, custody: held }: Begun,
): Promise<AttemptEnd> {
  using custody = held;
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind !== "ok") return withoutAnswer(ask, end, custody);
  const { result } = end;
  const params = transfer.decodeParams(result);
  using flight = deps.fleet.take(ask.pair.decode, "decode", ask.pair.prefill);
  const opened = await openWhenReady(deps, context, custody.move(), {
    open: (abort) => openRelay(deps, context, { ...ask, flight, params, abort }),
    gone: context.signal,
    ...patience(ask),
  });
  return endOf(deps, context, ask, { opened, flight, params, usage: result.usage });
}

/**
 * Both legs at once: the decode engine waits for the KV by itself. Without a prefill it would wait in
 * vain, so its leg ends with that.
 */
async function together(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { transfer, leg, custody: held }: Begun,
): Promise<AttemptEnd> {
  using custody = held;
  let prefilled: PrefillEnd | undefined;
  let decoding: AbortController | undefined;
  let begun = false;
  const params = transfer.decodeParams(undefined);
  using flight = deps.fleet.take(ask.pair.decode, "decode", ask.pair.prefill);
  const opening = openNow(deps, custody.move(), {
    open: (abort) => {
      decoding = abort;
      return openRelay(deps, context, { ...ask, flight, params, abort });
    },
    gone: context.signal,
    prefill: leg,
    ...patience(ask),
  });
  deps.background.run(leg.then((end) => {
    prefilled = end;
    if (end.kind !== "ok" && !begun) decoding?.abort();
  }));
  const opened = await opening;
  begun = opened.kind === "open";
  if (prefilled !== undefined && prefilled.kind !== "ok") {
    // Both ended at once: an answer whose exchange is over is none.
    if (opened.kind === "open") opened.close();
    if (opened.kind !== "refused" && opened.kind !== "gone") return withoutAnswer(ask, prefilled);
  }
  const usage = (): Usage | undefined =>
    prefilled?.kind === "ok" ? prefilled.result.usage : undefined;
  return endOf(deps, context, ask, { opened, flight, params, usage });
}

/** Of a whole answer the beginning is the end: how far its decode is cannot be seen. */
function patience({ request }: RelayAsk): Pick<DecodeOpening<RelayOpenEnd>, "leaveMs"> {
  return request.stream ? {} : { leaveMs: LEAVE_WHOLE_MS };
}

/** The attempt whose prefill gave no answer. */
function withoutAnswer(
  { request, pair }: RelayAsk,
  end: Exclude<PrefillEnd, { readonly kind: "ok" }>,
  custody?: Custody,
): AttemptEnd {
  if (end.kind === "failed") return withoutPrefill(end, pair);
  custody?.release();
  const elsewhere = withoutRoom("prefill", pair, end);
  if (elsewhere !== undefined) return elsewhere;
  // The refusal may be of what was relaxed, e.g. of a tool choice the engine is not set up for.
  if (forcesTool(request)) return { kind: "direct", reason: "tools" };
  return { kind: "answer", answer: refusedAnswer(end) };
}

/** How the decode leg was opened. */
interface Opened {
  readonly opened: ReadyEnd<RelayOpenEnd>;
  readonly flight: Flight;
  readonly params: RawJson | undefined;
  /** The prefill's; asked for later where it is still under way. */
  readonly usage: Usage | undefined | (() => Usage | undefined);
}

function endOf(
  deps: HandoffDeps,
  context: RequestContext,
  { pair }: RelayAsk,
  { opened, flight, params, usage }: Opened,
): AttemptEnd {
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out": {
      const error = kvTimeout(deps, pair);
      flight.failed(error);
      return withoutKv(error, pair);
    }
    case "failed": {
      const { error } = opened;
      // A decode engine that cannot load KV fails as well when it is the prefill engine's fault.
      const fault = params === undefined || error.refusal !== undefined
        ? [pair.decode]
        : [pair.decode, pair.prefill];
      const exclude = fault.map(({ id }) => ({ id, why: "failed" }) as const);
      return { kind: "retry", reason: "decode_failed", error, exclude };
    }
    case "refused": {
      const { answer } = opened;
      return withoutRoom("decode", pair, answer) ?? { kind: "answer", answer };
    }
    case "open": {
      const { response, first, abort } = opened;
      const rest = passThrough(flight.move(), response);
      const body = leavable(startingWith(first, rest), abort, context.signal);
      const headers = forwardResponseHeaders(response.headers);
      const answer = withCachedTokens({ status: response.status, headers, body }, usage);
      return { kind: "answer", answer };
    }
    default:
      return opened satisfies never;
  }
}
