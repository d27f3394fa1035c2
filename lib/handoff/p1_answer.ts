/** What a client is sent of a handoff in mode P1 before, or without, its decode leg. @module */
import { concatBytes } from "../base/mod.ts";
import { echoesText, type TextRequest, wantsTokenIds } from "../disagg/mod.ts";
import {
  type AnswerIdentity,
  type AnswerWriter,
  asUsage,
  rawJsonText,
  stoppedUsage,
  StreamWriter,
  type TokenDetails,
  type Usage,
  WholeWriter,
} from "../openai/mod.ts";
import {
  type Answer,
  answerHeaders,
  bodyOf,
  type FlowDeps,
  type RequestContext,
} from "../request/mod.ts";
import type { FirstTokenResult, PrefillResult } from "./prefill.ts";
import type { KnownPrompt } from "./prompt.ts";

/** Whose answer. */
interface AnswerAsk {
  readonly request: TextRequest;
  readonly prompt: KnownPrompt;
}

/** What stays the same over the answer to `request`. */
export function identityOf(
  deps: Pick<FlowDeps, "clock">,
  context: RequestContext,
  request: TextRequest,
): AnswerIdentity {
  const prefix = request.form === "chat" ? "chatcmpl" : "cmpl";
  return {
    form: request.form,
    id: `${prefix}-${context.id}`,
    created: Math.floor(deps.clock.unixMs() / 1000),
    model: request.model,
    topLogprobs: request.logprobs,
  };
}

/** What the client asked to be told of the first token, when it did. */
function firstDetails(request: TextRequest, result: FirstTokenResult): TokenDetails | undefined {
  const tokenIds = wantsTokenIds(request) ? [result.firstToken] : undefined;
  const { logprobs } = result;
  const none = tokenIds === undefined && logprobs === undefined && !echoesText(request);
  return none ? undefined : { tokenIds, logprobs };
}

/** Ids of the prompt for the client: vLLM tells them where a stream begins with the prompt too. */
function promptIds({ request, prompt }: AnswerAsk): Uint8Array | undefined {
  return wantsTokenIds(request) || (request.stream && echoesText(request)) ? prompt.ids : undefined;
}

/**
 * `text` as raw JSON, behind the prompt's when the client asked for both, and not for its ids, in
 * whose place vLLM says no text (`vllm/entrypoints/openai/completion/serving.py`).
 */
function withEcho(request: TextRequest, text: string): Uint8Array {
  const { prompt } = request;
  const raw = rawJsonText(text);
  if (prompt.kind !== "text" || !echoesText(request) || wantsTokenIds(request)) return raw;
  return concatBytes([prompt.raw.subarray(1, -1), raw]);
}

/** Write what is known before the decode leg: `text`, and what the client asked to be told. */
export function beginAnswer(
  writer: AnswerWriter,
  ask: AnswerAsk,
  result: FirstTokenResult,
  text: string,
): void {
  const { request } = ask;
  writer.begin(promptIds(ask), beginUsage(request, result));
  const details = firstDetails(request, result);
  const raw = withEcho(request, text);
  if (raw.length === 0 && details === undefined) return;
  writer.text(raw, request.continuousUsage ? runningUsage(result.usage) : undefined, details);
}

/** `usage` without what engines tell with an answer's last report alone. */
function runningUsage(usage: Usage | undefined): Usage | undefined {
  const { prompt_tokens_details: _details, ...counts } = usage ?? {};
  return asUsage(counts);
}

/** What the chunk before any token reports, when each chunk does. */
function beginUsage(request: TextRequest, { usage }: PrefillResult): Usage | undefined {
  return request.continuousUsage ? stoppedUsage(runningUsage(usage), 0) : undefined;
}

/** A streamed answer of which the prefill leg has told the headers. */
export function streamAnswer(result: PrefillResult, body: Answer["body"]): Answer {
  const type = "text/event-stream; charset=utf-8";
  return { status: 200, headers: answerHeaders(type, result.headers), body };
}

/** The whole answer, when its first token is also its last. */
export function endedAnswer(
  deps: Pick<FlowDeps, "clock">,
  context: RequestContext,
  ask: AnswerAsk,
  result: FirstTokenResult,
): Answer {
  const { request } = ask;
  const identity = identityOf(deps, context, request);
  const { usage, finishReason, stopReason } = result;
  const chunkUsage = request.continuousUsage ? usage : undefined;
  const writer = request.stream
    ? new StreamWriter(identity, { includeUsage: request.includeUsage === true })
    : new WholeWriter(identity, result.body);
  writer.begin(promptIds(ask), beginUsage(request, result));
  const details = firstDetails(request, result);
  const text = withEcho(request, result.text ?? "");
  writer.end(text, { finishReason, stopReason, usage, chunkUsage, details });
  const pieces: Uint8Array[] = [];
  for (let piece = writer.take(); piece !== undefined; piece = writer.take()) pieces.push(piece);
  const body = bodyOf(pieces);
  if (request.stream) return streamAnswer(result, body);
  return { status: 200, headers: answerHeaders("application/json", result.headers), body };
}
