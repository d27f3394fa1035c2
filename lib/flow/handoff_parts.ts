/** Pieces that both modes of the handoff use. @module */
import { RouterError } from "../base/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { forwardResponseHeaders, type HeaderField } from "../upstream/mod.ts";
import type { Answer } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps } from "./context.ts";
import type { PrefillEnd } from "./prefill.ts";

/** Fields that describe a leg's own body, which is not the client's. */
const BODY_FIELDS = new Set(["content-type", "content-length", "content-encoding", "etag"]);

/** The legs' end-to-end fields, earlier legs first, under the answer's own content type. */
export function answerHeaders(
  contentType: string,
  ...legs: readonly (readonly HeaderField[])[]
): Answer["headers"] {
  const fields: (readonly [string, string])[] = [["content-type", contentType]];
  if (contentType.startsWith("text/event-stream")) fields.push(["cache-control", "no-cache"]);
  for (const leg of legs) {
    const known = new Set(fields.map(([name]) => name.toLowerCase()));
    for (const [name, value] of forwardResponseHeaders(leg)) {
      const lower = name.toLowerCase();
      if (!BODY_FIELDS.has(lower) && !known.has(lower)) fields.push([name, value]);
    }
  }
  return fields;
}

/** A refusal of the prefill engine, as it stands. */
export function refusedAnswer(end: Extract<PrefillEnd, { readonly kind: "refused" }>): Answer {
  return { status: end.status, headers: forwardResponseHeaders(end.headers), body: end.body };
}

/** The attempt whose prefill failed. */
export function withoutPrefill(
  { error, sent }: Extract<PrefillEnd, { readonly kind: "failed" }>,
  { prefill, decode }: Pair,
): AttemptEnd {
  const end = { kind: "retry", reason: "prefill_failed", error, avoid: [prefill.id] } as const;
  // Pages may be allocated there and not written: the next prefill would not send them.
  return sent ? { ...end, rather: decode.id } : end;
}

/** The KV did not come in time. Either engine may be the reason, so both are asked if they answer. */
export function kvTimeout(
  deps: Pick<HandoffDeps, "kvReadyTimeoutMs" | "doubt">,
  pair: Pair,
): RouterError {
  deps.doubt(pair.prefill);
  deps.doubt(pair.decode);
  return new RouterError(
    "kv-timeout",
    `No KV-ready notification for the transfer from ${pair.prefill.url} to ${pair.decode.url} ` +
      `within ${deps.kvReadyTimeoutMs} ms`,
  );
}

/** The attempt that the KV did not come in time for; either engine may be the reason. */
export function withoutKv(
  deps: Pick<HandoffDeps, "kvReadyTimeoutMs" | "doubt">,
  pair: Pair,
): AttemptEnd {
  const error = kvTimeout(deps, pair);
  return {
    kind: "retry",
    reason: "kv_timeout",
    error,
    avoid: [pair.prefill.id, pair.decode.id],
    // Pages that are allocated and not written are found there, and not sent a second time.
    spoilt: pair.decode.id,
  };
}
