/** A whole answer in mode P1: both legs' parts are gathered before any of it leaves. @module */
import { type AbortWatch, errorCodeOf, RouterError } from "../base/mod.ts";
import type { TextRequest } from "../disagg/mod.ts";
import { type AnswerIdentity, WholeWriter } from "../openai/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import {
  answerHeaders,
  bodyOf,
  clientGone,
  MAX_JSON_BYTES,
  type RequestContext,
} from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import { type OpenEnd, pumpDecode } from "./decode.ts";
import type { HandoffDeps } from "./deps.ts";
import type { Seam } from "./event_pump.ts";
import { withoutKv, withoutRoom } from "./handoff_parts.ts";
import type { ReadyEnd } from "./open_when_ready.ts";
import { beginAnswer } from "./p1_answer.ts";
import type { FirstTokenResult } from "./prefill.ts";
import type { KnownPrompt } from "./prompt.ts";

/** What the answer is made of. */
export interface WholeParts {
  readonly request: TextRequest;
  readonly prompt: KnownPrompt;
  readonly pair: Pair;
  readonly result: FirstTokenResult;
  readonly seam: Seam;
  readonly identity: AnswerIdentity;
  readonly open: (gone: AbortWatch) => Promise<ReadyEnd<OpenEnd>>;
  /** The error when no notification came in time. */
  readonly timedOut: () => RouterError;
  readonly flight: Flight;
}

/** Wait for the KV and read the decode leg to its end. Throws `client-gone`. */
export async function wholeAnswer(
  deps: HandoffDeps,
  context: RequestContext,
  parts: WholeParts,
): Promise<AttemptEnd> {
  using _flight = parts.flight;
  const { pair, result } = parts;
  const opened = await parts.open(context.signal);
  if (opened.kind !== "open") return unopenedEnd(opened, parts);
  const { open } = opened;
  const writer = new WholeWriter(parts.identity, result.body);
  beginAnswer(writer, parts, result, parts.seam.begun);
  const leave = (): void => open.abort.abort();
  // A signal aborted already fires no event.
  if (context.signal.aborted) leave();
  context.signal.addEventListener("abort", leave, { once: true });
  try {
    const pieces: Uint8Array[] = [];
    for await (const bytes of pumpDecode(deps, open, parts.seam, writer)) {
      // A large answer comes out in pieces of which each costs what it takes to copy.
      if (pieces.length > 0 && deps.breather.tired()) await deps.breather.pause();
      pieces.push(bytes);
    }
    const body = bodyOf(pieces);
    const headers = answerHeaders("application/json", result.headers, open.response.headers);
    return { kind: "answer", answer: { status: 200, headers, body } };
  } catch (error) {
    if (context.signal.aborted) throw clientGone();
    const code = errorCodeOf(error);
    if (!(error instanceof RouterError) || code === "internal") throw error;
    return {
      kind: "retry",
      reason: "decode_failed",
      error,
      exclude: [{ id: pair.decode.id, why: "failed" }],
    };
  } finally {
    context.signal.removeEventListener("abort", leave);
  }
}

/** The attempt whose decode leg has not opened, nothing of it having left. Throws `client-gone`. */
export function unopenedEnd(
  opened: Exclude<ReadyEnd<OpenEnd>, { readonly kind: "open" }>,
  { pair, flight, timedOut }: Pick<WholeParts, "pair" | "flight" | "timedOut">,
): AttemptEnd {
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out": {
      const error = timedOut();
      flight.failed(error);
      return withoutKv(error, pair);
    }
    case "refused":
      return refusedEnd(opened, pair);
    case "failed":
      return {
        kind: "retry",
        reason: "decode_failed",
        error: opened.error,
        exclude: [{ id: pair.decode.id, why: "failed" }],
      };
    default:
      return opened satisfies never;
  }
}

/** The attempt whose decode leg was refused before any of the answer has left. */
function refusedEnd(
  { error, inStream }: Extract<OpenEnd, { readonly kind: "refused" }>,
  pair: Pair,
): AttemptEnd {
  const { refusal } = error;
  const elsewhere = refusal && withoutRoom("decode", pair, refusal);
  if (elsewhere !== undefined) return elsewhere;
  return refusal !== undefined && inStream === true
    ? { kind: "answer", answer: refusal }
    : { kind: "direct", reason: "decode_refused", moved: true };
}

/** How many bytes the events of an answer of so many tokens may have that is held as a whole. */
export function byteLimit(maxTokens: number): number {
  return Math.min(MAX_JSON_BYTES, FREE_BYTES + maxTokens * TOKEN_BYTES);
}

/** The largest event that says nothing of a token, and the largest of one token, within reason. */
const FREE_BYTES = 1024 * 1024;
const TOKEN_BYTES = 8 * 1024;
