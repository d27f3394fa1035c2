/** A prefill under way, and who answers for its KV until a decode has read it. @module */
import type { ByteParts } from "../base/mod.ts";
import { reclaimBodyP1 } from "../disagg/mod.ts";
import type { PairSeats } from "../fleet/mod.ts";
import { type AbandonedTransfer, Custody, type KvProtocol, type Transfer } from "../kv/mod.ts";
import type { RawJson } from "../openai/mod.ts";
import { legHeaders, type RequestContext } from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { lastIds } from "../tokenization/mod.ts";
import type { HandoffDeps } from "./deps.ts";
import { heldFor } from "./handoff_parts.ts";
import { type PrefillAsk, type PrefillEnd, prefillLeg } from "./prefill.ts";

/** What is begun. */
export interface BeginAsk extends Pick<PrefillAsk, "mode" | "model" | "logprobs"> {
  readonly pair: Pair;
  /** Of both engines, where these are bounded: the prefill engine's is moved. */
  readonly seats: PairSeats | undefined;
  readonly protocol: KvProtocol;
  /** The prefill leg, under the transfer's `kv_transfer_params`. */
  readonly send: (
    kvTransferParams: RawJson | undefined,
  ) => Pick<PrefillAsk, "path" | "body">;
  /** Where the decode engine is asked, by a reclaiming request as by the decode leg. */
  readonly decodePath: string;
  /** The request that reclaims the KV, with how the prefill ends; else as `AbandonedTransfer.body`. */
  readonly reclaim: (
    leg: Promise<PrefillEnd>,
    kvTransferParams: RawJson | undefined,
  ) => ReturnType<AbandonedTransfer["body"]>;
}

/** What has begun. */
export interface BegunPrefill {
  readonly transfer: Transfer;
  readonly leg: Promise<PrefillEnd>;
  /** The taker's to dispose. */
  readonly custody: Custody;
}

/** Arrange the transfer and send the prefill. Throws as `KvProtocol.begin` does. */
export function beginPrefill(
  deps: HandoffDeps,
  context: RequestContext,
  ask: BeginAsk,
): BegunPrefill {
  const { pair, mode, model, logprobs = false } = ask;
  const transfer = ask.protocol.begin(deps, { pair, mode, requestId: context.id });
  const leg = prefillLeg(deps, context, {
    pair,
    ...ask.send(transfer.prefillParams),
    mode,
    model,
    logprobs,
    seat: ask.seats?.prefill,
  });
  const custody = new Custody(deps.reclaimer, {
    transfer,
    decode: pair.decode,
    prefill: leg,
    path: ask.decodePath,
    headers: legHeaders(context, "decode"),
    requestId: context.id,
    body: (params) => ask.reclaim(leg, params),
    held: heldFor(context, ask),
  });
  return { transfer, leg, custody };
}

/**
 * The body that reclaims KV of mode P1; undefined for a prompt without ids. What stands behind the prompt
 * is not looked up, so that one of its own ids, which are in every vocabulary, does where the first token
 * is not known.
 */
export function reclaimBehind(
  model: string,
  ids: Uint8Array,
  end: PrefillEnd,
  kvTransferParams?: RawJson,
): ByteParts | undefined {
  const told = end.kind === "ok" ? end.result.firstToken : undefined;
  const token = told ?? lastIds(ids, 1).at(0);
  return token === undefined ? undefined : reclaimBodyP1(model, ids, token, kvTransferParams);
}
