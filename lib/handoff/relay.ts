/**
 * Handoffs in which the whole answer, its first token included, comes from the decode engine: the
 * prefill engine gets the client's own request made safe, the decode engine the request itself. How
 * the KV moves between the two is the protocol's.
 * @module
 */
import {
  forcesTool,
  type GenerationRequest,
  isTextRequest,
  prefillBodyD1,
  reclaimBodyD1,
} from "../disagg/mod.ts";
import type { Flight, PairSeats } from "../fleet/mod.ts";
import { type Custody, isReplayable, type KvProtocol } from "../kv/mod.ts";
import { fieldOf, type RawJson, type Usage } from "../openai/mod.ts";
import {
  type ByteSource,
  clientGone,
  isEventStream,
  orAborted,
  passThrough,
  type RequestContext,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders } from "../upstream/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import { beginPrefill, type BegunPrefill } from "./begin_prefill.ts";
import { withCachedTokens } from "./cached_tokens.ts";
import type { HandoffDeps } from "./deps.ts";
import { refusedAnswer, withoutKv, withoutPrefill, withoutRoom } from "./handoff_parts.ts";
import { type HandoffWatch, tellsItsOwn, watchedCount } from "./kv_witness.ts";
import { MissedKv } from "./missed_kv.ts";
import type { FindOnward } from "./onward.ts";
import {
  type DecodeOpening,
  LEAVE_WHOLE_MS,
  openNow,
  openWhenReady,
  type ReadyEnd,
} from "./open_when_ready.ts";
import type { PrefillEnd } from "./prefill.ts";
import { leavable, openRelay, type RelayOpenEnd, startingWith } from "./relay_decode.ts";
import { WatchedStream } from "./watched_stream.ts";

/** One attempt's fixed parts. */
export interface RelayAsk {
  readonly request: GenerationRequest;
  /** The client's path and query; both legs go there. */
  readonly path: string;
  readonly pair: Pair;
  /** Of both engines, where these are bounded: what goes on behind the attempt is moved from it. */
  readonly seats?: PairSeats | undefined;
  /** Finds another pair that goes on with the stream; absent where none may. */
  readonly find?: FindOnward | undefined;
}

/** Try once with one pair. Throws `client-gone`. */
export async function attemptRelay(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  protocol: KvProtocol,
): Promise<AttemptEnd> {
  const { request, path, pair } = ask;
  const watch = isOfOne(request) ? deps.witness?.begin(pair) : undefined;
  const begun = beginPrefill(deps, context, {
    pair,
    seats: ask.seats,
    protocol,
    model: request.model,
    mode: "d1",
    send: (params) => ({ path, body: prefillBodyD1(request, params) }),
    decodePath: path,
    reclaim: (_leg, params) => reclaimBodyD1(request, params),
  });
  return protocol.traits.order === "together"
    ? await together(deps, context, ask, { ...begun, watch })
    : await prefillFirst(deps, context, ask, { ...begun, watch });
}

/** A prefill under way, and who watches whether its KV is found. */
interface Begun extends BegunPrefill {
  readonly watch: HandoffWatch | undefined;
}

/** Whether one answer is asked for: the count of cached tokens is of several together. */
function isOfOne({ body }: GenerationRequest): boolean {
  return [undefined, null, 1].includes(fieldOf(body, "n") as undefined | null | number);
}

async function prefillFirst(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { transfer, leg, custody: held, watch }: Begun,
): Promise<AttemptEnd> {
  using custody = held;
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind !== "ok") return withoutAnswer(ask, end, custody);
  const { result } = end;
  const params = transfer.decodeParams(result);
  const replayable = isReplayable(transfer, params);
  using flight = decodeFlight(deps, context, ask);
  const missed = new MissedKv(deps, ask.pair);
  const tokenIds = ask.find !== undefined;
  const opened = await openWhenReady(deps, context, custody.move(), {
    missed: missed.note,
    open: (abort) => {
      if (!context.trace.lacksKv) watch?.sent();
      return openRelay(deps, context, { ...ask, flight, params, replayable, abort, tokenIds });
    },
    gone: context.signal,
    ...patience(ask),
  });
  const { usage } = result;
  return endOf(deps, context, ask, { opened, flight, params, replayable, missed, usage, watch });
}

function decodeFlight(
  { fleet }: HandoffDeps,
  { trace: record }: RequestContext,
  { request: { model }, pair, seats }: RelayAsk,
): Flight {
  return fleet.take(pair.decode, "decode", pair.prefill, seats?.decode, { model, record });
}

/**
 * Both legs at once: the decode engine waits for the KV by itself. Without a prefill it would wait in
 * vain, so its leg ends with that.
 */
async function together(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { transfer, leg, custody: held, watch }: Begun,
): Promise<AttemptEnd> {
  using custody = held;
  let prefilled: PrefillEnd | undefined;
  let decoding: AbortController | undefined;
  let begun = false;
  const params = transfer.decodeParams(undefined);
  const replayable = isReplayable(transfer, params);
  using flight = decodeFlight(deps, context, ask);
  const tokenIds = ask.find !== undefined;
  const opening = openNow(deps, custody.move(), {
    open: (abort) => {
      decoding = abort;
      watch?.sent();
      return openRelay(deps, context, { ...ask, flight, params, replayable, abort, tokenIds });
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
  const missed = new MissedKv(deps, ask.pair);
  return endOf(deps, context, ask, { opened, flight, params, replayable, missed, usage, watch });
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
  /** The decode engine was told nothing that is good for one request alone. */
  readonly replayable: boolean;
  readonly missed: MissedKv;
  /** The prefill's; asked for later where it is still under way. */
  readonly usage: Usage | undefined | (() => Usage | undefined);
  readonly watch: HandoffWatch | undefined;
}

function endOf(
  deps: HandoffDeps,
  context: RequestContext,
  ask: RelayAsk,
  { opened, flight, params, replayable, missed, usage, watch }: Opened,
): AttemptEnd {
  const { pair } = ask;
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out": {
      const error = missed.error();
      flight.failed(error);
      return withoutKv(error, pair);
    }
    case "failed": {
      const { error } = opened;
      // A decode engine that cannot load KV fails as well when it is the prefill engine's fault.
      const fault = replayable || error.refusal !== undefined
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
      const prefilled = typeof usage === "function" ? usage : () => usage;
      const told = (cached: number | undefined): void =>
        watch?.ended(prefilled()?.prompt_tokens, tellsItsOwn(params) ? cached : undefined);
      const { request, find } = ask;
      const passed = (): ByteSource =>
        startingWith(first, passThrough(flight.move(), response, first));
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
      const headers = forwardResponseHeaders(response.headers);
      const answer = withCachedTokens({ status: response.status, headers, body }, usage);
      return { kind: "answer", answer };
    }
    default:
      return opened satisfies never;
  }
}
