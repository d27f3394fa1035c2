/** Pieces that both modes of the handoff use. @module */
import { Lease, type Refusal, RouterError } from "../base/mod.ts";
import type { PairSeats } from "../fleet/mod.ts";
import { type Answer, isOverload, refusedError, type RequestContext } from "../request/mod.ts";
import type { Exclude, Pair } from "../selection/mod.ts";
import { forwardResponseHeaders } from "../upstream/mod.ts";
import type { RetryEnd } from "./attempt.ts";
import type { HandoffDeps } from "./deps.ts";
import type { PrefillEnd } from "./prefill.ts";

/** What is held of a request until its KV has been read: its body, and place for that KV. */
export function heldFor(
  { held }: Pick<RequestContext, "held">,
  { seats }: { readonly seats?: PairSeats | undefined },
): Lease | undefined {
  const leases = [held?.hold(), seats?.kv?.move(), seats?.transfer.move()]
    .filter((lease) => lease !== undefined);
  if (leases.length < 2) return leases[0];
  return new Lease(() => {
    for (const lease of leases) lease.release();
  });
}

/** A refusal of the prefill engine, as it stands. */
export function refusedAnswer(end: Extract<PrefillEnd, { readonly kind: "refused" }>): Answer {
  return { status: end.status, headers: forwardResponseHeaders(end.headers), body: end.body };
}

/** The attempt whose prefill failed. */
export function withoutPrefill(
  { error, sent }: Extract<PrefillEnd, { readonly kind: "failed" }>,
  { prefill, decode }: Pair,
): RetryEnd {
  const failed: readonly Exclude[] = [{ id: prefill.id, why: "failed" }];
  // Pages may be allocated there and not written: the next prefill would not send them.
  const exclude = sent ? [...failed, { id: decode.id, why: "tainted" } as const] : failed;
  return { kind: "retry", reason: "prefill_failed", error, exclude };
}

/**
 * The attempt that an engine of `pair` has no room for: another one may have. Undefined where `refusal`
 * says anything else.
 */
export function withoutRoom(
  leg: "prefill" | "decode",
  pair: Pair,
  refusal: Refusal,
): RetryEnd | undefined {
  if (!isOverload(refusal.status)) return undefined;
  const engine = pair[leg];
  const [code, what, reason] = leg === "prefill"
    ? ["prefill-failed", "Prefill", "prefill_failed"] as const
    : ["decode-failed", "Decode", "decode_failed"] as const;
  return {
    kind: "retry",
    reason,
    error: refusedError(code, `${what} on engine ${engine.url}`, refusal),
    exclude: [{ id: engine.id, why: "failed" }],
  };
}

/** The KV did not come in time. */
export function kvTimeout(
  { kvReadyTimeoutMs }: Pick<HandoffDeps, "kvReadyTimeoutMs">,
  pair: Pair,
): RouterError {
  return new RouterError(
    "kv-timeout",
    `No KV-ready notification for the transfer from ${pair.prefill.url} to ${pair.decode.url} ` +
      `within ${kvReadyTimeoutMs} ms`,
  );
}

/** The attempt that the KV did not come in time for; either engine may be the reason. */
export function withoutKv(error: RouterError, { prefill, decode }: Pair): RetryEnd {
  return {
    kind: "retry",
    reason: "kv_timeout",
    error,
    exclude: [
      { id: prefill.id, why: "failed" },
      { id: decode.id, why: "failed" },
      // Pages that are allocated and not written are found there, and not sent a second time.
      { id: decode.id, why: "spoilt" },
    ],
  };
}
