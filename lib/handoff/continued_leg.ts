/** The two legs that go on with a stream: prompt and answer so far are their prompt, as ids. @module */
import type { RouterError } from "../base/mod.ts";
import { decodeBodyP1, prefillBodyP1, reclaimBodyIds, type TextRequest } from "../disagg/mod.ts";
import type { Flight, PairSeats } from "../fleet/mod.ts";
import { type Custody, isReplayable, type KvProtocol } from "../kv/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import { orAborted, type RequestContext } from "../request/mod.ts";
import type { Exclude, Pair } from "../selection/mod.ts";
import { beginPrefill, reclaimBehind } from "./begin_prefill.ts";
import { openDecode, type OpenEnd } from "./decode.ts";
import type { HandoffDeps } from "./deps.ts";
import { withoutKv, withoutPrefill } from "./handoff_parts.ts";
import { MissedKv } from "./missed_kv.ts";
import { openNow, openWhenReady, type ReadyEnd } from "./open_when_ready.ts";
import { type FirstTokenResult, type PrefillEnd, tellsFirstToken } from "./prefill.ts";

const PATH = "/v1/completions";

/** What is gone on with. */
export interface LegAsk {
  /** The client's, with what is left of its least number of tokens. */
  readonly request: TextRequest;
  readonly pair: Pair;
  readonly seats: PairSeats | undefined;
  readonly protocol: KvProtocol;
  /** JSON text of the prompt's ids and the answer's so far. */
  readonly ids: Uint8Array;
  /** What is left of the answer's limit, at least 1. */
  readonly maxTokens: number;
  /** Aborts when nobody waits for it any more. */
  readonly gone: AbortSignal;
}

/** A try that came to nothing. */
export interface LegFailed {
  readonly kind: "failed";
  readonly error: RouterError | undefined;
  readonly exclude: readonly Exclude[];
}

/** An open decode leg, whose flight is the taker's. */
export type LegOpened =
  | {
    readonly kind: "open";
    readonly opened: Extract<OpenEnd, { readonly kind: "open" }>;
    readonly flight: Flight;
  }
  | LegFailed
  | { readonly kind: "gone" };

/** A prefill in mode P1, and what goes on behind its token. */
export interface PrefilledLeg {
  readonly kind: "prefilled";
  readonly result: FirstTokenResult;
  /** `kv_transfer_params` of the decode leg. */
  readonly params: RawJson | undefined;
  /** The KV is the decode leg's from here on; disposed, it is released. */
  readonly custody: Custody;
}

/** The prefill of a further token in mode P1. */
export async function prefillOn(
  deps: HandoffDeps,
  context: RequestContext,
  ask: LegAsk,
): Promise<PrefilledLeg | LegFailed | { readonly kind: "gone" }> {
  const { request, pair, ids } = ask;
  const { transfer, leg, custody: begun } = beginPrefill(deps, context, {
    ...ask,
    model: request.model,
    mode: "p1",
    send: (params) => ({ path: PATH, body: prefillBodyP1(request, ids, params, true) }),
    logprobs: request.logprobs !== undefined,
    decodePath: PATH,
    reclaim: async (leg, params) => reclaimBehind(request.model, ids, await leg, params),
  });
  using custody = begun;
  const end = await orAborted(leg, ask.gone);
  if (end === "aborted") return { kind: "gone" };
  if (end.kind === "ok" && tellsFirstToken(end.result)) {
    const { result } = end;
    const params = transfer.decodeParams(result);
    return { kind: "prefilled", result, params, custody: custody.move() };
  }
  return notPrefilled(end, pair, custody);
}

/** The decode leg behind a token of `prefillOn`. */
export async function decodeOn(
  deps: HandoffDeps,
  context: RequestContext,
  ask: LegAsk,
  { result, params, custody }: PrefilledLeg,
): Promise<LegOpened> {
  const { request, pair, ids, maxTokens, gone } = ask;
  using unopened = new DisposableStack();
  const flight = unopened.use(flightOf(deps, context, ask));
  const missed = new MissedKv(deps, pair);
  const { firstToken } = result;
  const body = decodeBodyP1(request, {
    promptIds: ids,
    firstToken,
    maxTokens,
    tokenIds: true,
    ownStops: true,
    kvTransferParams: params,
  });
  const opened = await openWhenReady(deps, context, custody, {
    missed: missed.note,
    open: (abort) => openDecode(deps, context, { flight, path: PATH, body }, abort),
    gone,
  });
  if (opened.kind === "open") unopened.move();
  return endOf(opened, ask, flight, missed);
}

/** Both legs where the decode engine makes every token. */
export async function relayOn(
  deps: HandoffDeps,
  context: RequestContext,
  ask: LegAsk,
): Promise<LegOpened> {
  const { request, pair, ids, maxTokens, gone, protocol } = ask;
  const { transfer, leg, custody: begun } = beginPrefill(deps, context, {
    ...ask,
    model: request.model,
    mode: "d1",
    send: (params) => ({ path: PATH, body: prefillBodyP1(request, ids, params, true) }),
    decodePath: PATH,
    reclaim: (_leg, params) => reclaimBodyIds(request.model, ids, params),
  });
  using custody = begun;
  const together = protocol.traits.order === "together";
  const end = together ? undefined : await orAborted(leg, gone);
  if (end === "aborted") return { kind: "gone" };
  if (end !== undefined && end.kind !== "ok") return notPrefilled(end, pair, custody);
  const kvTransferParams = transfer.decodeParams(end?.result);
  using unopened = new DisposableStack();
  const flight = unopened.use(flightOf(deps, context, ask));
  const missed = new MissedKv(deps, pair);
  const body = decodeBodyP1(request, {
    promptIds: ids,
    firstToken: undefined,
    maxTokens,
    tokenIds: true,
    ownStops: true,
    kvTransferParams,
  });
  const replayable = isReplayable(transfer, kvTransferParams);
  const open = (abort: AbortController): Promise<OpenEnd> => {
    // The decode engine would wait in vain for what no prefill sends.
    if (together) deps.background.run(abortWithout(leg, abort));
    return openDecode(deps, context, { flight, path: PATH, body, replayable }, abort);
  };
  const opened = together
    ? await openNow(deps, custody.move(), { open, gone, prefill: leg })
    : await openWhenReady(deps, context, custody.move(), { missed: missed.note, open, gone });
  if (opened.kind === "open") unopened.move();
  return endOf(opened, ask, flight, missed);
}

function flightOf(
  { fleet }: HandoffDeps,
  { trace: record }: RequestContext,
  { request: { model }, pair, seats }: LegAsk,
): Flight {
  return fleet.take(pair.decode, "decode", pair.prefill, seats?.decode, { model, record });
}

async function abortWithout(leg: Promise<PrefillEnd>, abort: AbortController): Promise<void> {
  const { kind } = await leg;
  if (kind !== "ok") abort.abort();
}

function notPrefilled(end: PrefillEnd, pair: Pair, custody: Custody): LegFailed {
  if (end.kind === "failed") {
    return { kind: "failed", error: end.error, exclude: withoutPrefill(end, pair).exclude };
  }
  if (end.kind === "refused") custody.release();
  const exclude = [{ id: pair.prefill.id, why: "failed" }] as const;
  return { kind: "failed", error: undefined, exclude };
}

function endOf(
  opened: ReadyEnd<OpenEnd>,
  { pair }: LegAsk,
  flight: Flight,
  missed: MissedKv,
): LegOpened {
  switch (opened.kind) {
    case "open":
      return { kind: "open", opened, flight };
    case "gone":
      return { kind: "gone" };
    case "timed-out": {
      const error = missed.error();
      flight.failed(error);
      return { kind: "failed", error, exclude: withoutKv(error, pair).exclude };
    }
    case "refused":
    case "failed":
      return {
        kind: "failed",
        error: opened.error,
        exclude: [{ id: pair.decode.id, why: "failed" }],
      };
    default:
      return opened satisfies never;
  }
}
