/**
 * Mode P1 of the LMCache handoff: the first token comes from the prefill engine and leaves at
 * once; the rest follows from the decode engine when the KV is there.
 * @module
 */
import { errorCodeOf, type Lease, type NixlReceiver, RouterError } from "../base/mod.ts";
import {
  decodeBodyP1,
  drainBodyP1,
  kvTransferParams,
  prefillBodyP1,
  stopMaySpan,
  type TextRequest,
} from "../disagg/mod.ts";
import {
  type AnswerIdentity,
  type AnswerWriter,
  rawJsonText,
  StreamWriter,
  WholeWriter,
} from "../openai/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { lastIds, type PromptTokens } from "../tokenization/mod.ts";
import type { Answer } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { Custody, openWhenReady, type ReadyEnd } from "./custody.ts";
import { openDecode, type OpenEnd, pumpDecode, type Seam } from "./decode.ts";
import { clientGone, orAborted } from "./exchange.ts";
import { type FirstText, firstText } from "./first_text.ts";
import { HandoffStream } from "./handoff_stream.ts";
import { answerHeaders, kvTimeout, refusedAnswer } from "./handoff_parts.ts";
import { prefillLeg, type PrefillResult } from "./prefill.ts";

/** How many of the prompt's last ids give a token's text its context. */
const CONTEXT_IDS = 6;

const COMPLETIONS = "/v1/completions";

/** One attempt's fixed parts. */
export interface P1Ask {
  readonly request: TextRequest;
  readonly pair: Pair;
  readonly receiver: NixlReceiver;
  readonly prompt: PromptTokens;
  /** Limit of the answer in tokens, at least 1. */
  readonly maxTokens: number;
}

/** Try once with one pair. Throws `client-gone`. */
export async function attemptP1(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask,
): Promise<AttemptEnd> {
  const { request, pair, receiver, prompt } = ask;
  const { prefill, decode } = pair;
  // Unlike the client's request id, this one is never used twice.
  const kvId = deps.random.uuid();
  const ranks = prefill.notifications ?? receiver.initPorts.length;
  // Before the prefill is sent: a notification can overtake its answer.
  const waiter = deps.board.expect(kvId, { ranks });
  const leg = prefillLeg(deps, context, {
    engine: prefill,
    path: COMPLETIONS,
    body: prefillBodyP1(request, prompt.ids, kvTransferParams(kvId, receiver, "prefill")),
    mode: "prefill",
  });
  using custody = new Custody(deps.drainer, {
    landed: waiter,
    decode,
    prefill: leg,
    path: COMPLETIONS,
    headers: context.headers,
    // The last id is not part of what is looked up, so any will do when it is not known.
    body: (result) => drainBodyP1(request.model, prompt.ids, result?.firstToken ?? 0),
  });
  const end = await orAborted(leg, context.signal);
  if (end === "aborted") throw clientGone();
  if (end.kind === "refused") {
    custody.release();
    return { kind: "answer", answer: refusedAnswer(end) };
  }
  if (end.kind === "failed") {
    return { kind: "retry", reason: "prefill_failed", error: end.error, avoid: [prefill.id] };
  }
  const { result } = end;
  if (result.finishReason === "stop" || ask.maxTokens === 1) {
    return { kind: "answer", answer: endedAnswer(deps, context, request, result) };
  }
  if (stopMaySpan(result.text, request.stop)) return { kind: "direct", reason: "stop_may_span" };
  const first = await readFirst(deps, context, ask, result);
  if (first.kind === "unknown") return { kind: "direct", reason: "detokenize_unavailable" };
  // With stop strings the decode engine holds text back, which the joining cannot tell from loss.
  if (first.kind === "partial" && request.stop.length > 0) {
    return { kind: "direct", reason: "stop_may_span" };
  }
  return await decodeRest(deps, context, ask, { result, first, custody: custody.move() });
}

/** A prefill that has answered, and what its first token says. */
interface Prefilled {
  readonly result: PrefillResult;
  readonly first: FirstText;
  readonly custody: Custody;
}

function readFirst(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask,
  result: PrefillResult,
): Promise<FirstText> {
  const { decode } = ask.pair;
  const textOf = (ids: readonly number[]): Promise<string | undefined> =>
    deps.tokenizer.detokenize(decode, ask.request.model, ids, context);
  const before = lastIds(ask.prompt.ids, CONTEXT_IDS);
  return firstText(result.text, result.firstToken ?? 0, before, textOf);
}

async function decodeRest(
  deps: HandoffDeps,
  context: RequestContext,
  ask: P1Ask,
  prefilled: Prefilled,
): Promise<AttemptEnd> {
  const { request, pair, prompt, maxTokens } = ask;
  const { result, first, custody } = prefilled;
  const joiner = first.kind === "partial" ? first.joiner : undefined;
  const seam: Seam = {
    engine: pair.decode,
    prefillUsage: result.usage,
    continuousUsage: request.continuousUsage,
    joiner,
  };
  const lease = deps.inflight.take(pair.decode, "decode");
  const open = (gone: AbortSignal): Promise<ReadyEnd<OpenEnd>> =>
    openWhenReady(deps, context, custody, (abort) =>
      openDecode(deps, context, {
        engine: pair.decode,
        path: COMPLETIONS,
        body: decodeBodyP1(request, {
          promptIds: prompt.ids,
          firstToken: result.firstToken ?? 0,
          maxTokens,
          tokenIds: joiner !== undefined,
        }),
      }, abort), gone);
  const identity = identityOf(deps, context, request);
  if (!request.stream) {
    return await wholeAnswer(deps, context, { ask, prefilled, seam, identity, open, lease });
  }
  const writer = new StreamWriter(identity, { includeUsage: request.includeUsage });
  beginAnswer(writer, request, prefilled);
  const body = new HandoffStream(deps, {
    head: writer.take(),
    open,
    seam,
    writer,
    lease,
    signal: context.signal,
    timedOut: () => kvTimeout(deps, pair),
  });
  return { kind: "answer", answer: streamAnswer(result, body) };
}

interface WholeParts {
  readonly ask: P1Ask;
  readonly prefilled: Prefilled;
  readonly seam: Seam;
  readonly identity: AnswerIdentity;
  readonly open: (gone: AbortSignal) => Promise<ReadyEnd<OpenEnd>>;
  readonly lease: Lease;
}

async function wholeAnswer(
  deps: HandoffDeps,
  context: RequestContext,
  parts: WholeParts,
): Promise<AttemptEnd> {
  using _lease = parts.lease;
  const { pair } = parts.ask;
  const opened = await parts.open(context.signal);
  switch (opened.kind) {
    case "gone":
      throw clientGone();
    case "timed-out":
      return {
        kind: "retry",
        reason: "kv_timeout",
        error: kvTimeout(deps, pair),
        avoid: [pair.prefill.id, pair.decode.id],
      };
    case "refused":
      return { kind: "direct", reason: "decode_refused" };
    case "failed":
      return {
        kind: "retry",
        reason: "decode_failed",
        error: opened.error,
        avoid: [pair.decode.id],
      };
    case "open":
      break;
    default:
      return opened satisfies never;
  }
  const { open } = opened;
  const { result } = parts.prefilled;
  const writer = new WholeWriter(parts.identity, result.body);
  beginAnswer(writer, parts.ask.request, parts.prefilled);
  const leave = (): void => open.abort.abort();
  context.signal.addEventListener("abort", leave, { once: true });
  try {
    let body: Uint8Array | undefined;
    for await (const bytes of pumpDecode(deps, open, parts.seam, writer)) body = bytes;
    if (body === undefined) throw new RouterError("internal", "A decode ended without an answer");
    const headers = answerHeaders("application/json", result.headers, open.response.headers);
    return { kind: "answer", answer: { status: 200, headers, body } };
  } catch (error) {
    if (context.signal.aborted) throw clientGone();
    const code = errorCodeOf(error);
    if (!(error instanceof RouterError) || code === "internal") throw error;
    return { kind: "retry", reason: "decode_failed", error, avoid: [pair.decode.id] };
  } finally {
    context.signal.removeEventListener("abort", leave);
  }
}

function identityOf(
  deps: HandoffDeps,
  context: RequestContext,
  request: TextRequest,
): AnswerIdentity {
  const prefix = request.form === "chat" ? "chatcmpl" : "cmpl";
  return {
    form: request.form,
    id: `${prefix}-${context.id}`,
    created: Math.floor(deps.clock.unixMs() / 1000),
    model: request.model,
  };
}

function beginAnswer(
  writer: AnswerWriter,
  request: TextRequest,
  { result, first }: Pick<Prefilled, "result" | "first">,
): void {
  writer.begin();
  if (first.kind !== "whole" || first.text === "") return;
  writer.text(rawJsonText(first.text), request.continuousUsage ? result.usage : undefined);
}

function streamAnswer(result: PrefillResult, body: Answer["body"]): Answer {
  const type = "text/event-stream; charset=utf-8";
  return { status: 200, headers: answerHeaders(type, result.headers), body };
}

/** The whole answer, when its first token is also its last. */
function endedAnswer(
  deps: HandoffDeps,
  context: RequestContext,
  request: TextRequest,
  result: PrefillResult,
): Answer {
  const identity = identityOf(deps, context, request);
  const { usage, finishReason, stopReason } = result;
  const chunkUsage = request.continuousUsage ? usage : undefined;
  const writer = request.stream
    ? new StreamWriter(identity, { includeUsage: request.includeUsage })
    : new WholeWriter(identity, result.body);
  writer.begin();
  writer.end(rawJsonText(result.text), { finishReason, stopReason, usage, chunkUsage });
  const body = writer.take() ?? new Uint8Array(0);
  if (request.stream) return streamAnswer(result, body);
  return { status: 200, headers: answerHeaders("application/json", result.headers), body };
}
