/** One generation request's story: hand it off, again on another pair, or serve it directly. @module */
import { type Engine, errorCodeOf, type FirstToken, RouterError } from "../base/mod.ts";
import {
  budgetOf,
  type DirectReason,
  type GenerationRequest,
  obstacle,
  originalBody,
  tokenizeBody,
} from "../disagg/mod.ts";
import { type Pair, selectPair } from "../selection/mod.ts";
import type { PromptTokens } from "../tokenization/mod.ts";
import type { Answer } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { attemptD1 } from "./d1.ts";
import { direct } from "./direct.ts";
import { attemptP1 } from "./p1.ts";

/** Attempts per request; the second goes to another pair if there is one. */
const ATTEMPTS = 2;

/** What to answer. */
export interface GenerateAsk {
  readonly request: GenerationRequest;
  /** `/v1/completions` or `/v1/chat/completions`, with the client's query. */
  readonly path: string;
  readonly sessionKey: string | undefined;
  readonly mode: FirstToken;
}

/** Answer a generation request. Throws `RouterError` when nothing has reached the client. */
export async function generate(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
): Promise<Answer> {
  const { request, mode } = ask;
  const reason = obstacle(request, mode);
  if (reason !== undefined) return await goDirect(deps, context, ask, reason);
  context.trace.route = mode === "prefill" ? "handoff_p1" : "handoff_d1";
  const prompts = new PromptCache();
  let failed: RetryEnd | undefined;
  for (let attempt = 1;; attempt++) {
    const choice = selectPair(deps.directory.snapshot().engines, deps.policies, {
      model: request.model,
      sessionKey: ask.sessionKey,
      avoid: new Set(failed?.avoid),
    });
    if (choice.kind === "none") {
      const lacking = choice.lacks === "prefill" ? "no_prefill_engine" : "no_nixl_receiver";
      return await goDirect(deps, context, ask, lacking);
    }
    if (failed !== undefined) {
      if (repeats(choice.pair, failed)) throw failed.error;
      noteRetry(deps, context, failed);
    }
    const end = await tryPair(deps, context, ask, choice.pair, prompts);
    switch (end.kind) {
      case "answer":
        return end.answer;
      case "direct":
        return await goDirect(deps, context, ask, end.reason);
      case "retry":
        if (attempt === ATTEMPTS) throw end.error;
        failed = end;
        break;
      default:
        end satisfies never;
    }
  }
}

type RetryEnd = Extract<AttemptEnd, { readonly kind: "retry" }>;

/** Whether `pair` has nothing new over the attempt that failed. */
function repeats({ prefill, decode }: Pair, failed: RetryEnd): boolean {
  return failed.avoid.every((id) => id === prefill.id || id === decode.id);
}

function noteRetry(deps: HandoffDeps, context: RequestContext, failed: RetryEnd): void {
  const { reason, error } = failed;
  deps.metrics.count("pd_router_handoff_retries_total", { reason });
  deps.log.warning("Handing off again", () => ({
    request: context.id,
    reason,
    error: error.message,
  }));
  context.trace.add("retry", undefined, reason);
}

/** A prompt's tokens, kept over the attempts: they depend on the model alone. */
class PromptCache {
  tokens: PromptTokens | undefined;
}

async function tryPair(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
  pair: Pair,
  prompts: PromptCache,
): Promise<AttemptEnd> {
  const { request, path } = ask;
  const receiver = pair.decode.nixl;
  if (receiver === undefined) return { kind: "direct", reason: "no_nixl_receiver" };
  if (ask.mode === "decode") {
    return await attemptD1(deps, context, { request, path, pair, receiver });
  }
  if (prompts.tokens === undefined) {
    const found = await tokensOf(deps, context, request, pair.prefill);
    if (found.kind !== "tokens") return found;
    prompts.tokens = found.prompt;
  }
  const prompt = prompts.tokens;
  const maxModelLen = prompt.maxModelLen ?? deps.directory.maxModelLen(request.model);
  const budget = budgetOf(request, prompt.count, maxModelLen);
  if (budget.kind === "direct") return { kind: "direct", reason: "context_length" };
  const { maxTokens } = budget;
  return await attemptP1(deps, context, { request, pair, receiver, prompt, maxTokens });
}

type TokensEnd =
  | { readonly kind: "tokens"; readonly prompt: PromptTokens }
  | Exclude<AttemptEnd, { readonly kind: "answer" }>;

async function tokensOf(
  deps: HandoffDeps,
  context: RequestContext,
  request: GenerationRequest,
  engine: Engine,
): Promise<TokensEnd> {
  const { prompt } = request;
  if (prompt.kind === "tokens") {
    return {
      kind: "tokens",
      prompt: { ids: prompt.ids, count: prompt.count, maxModelLen: undefined },
    };
  }
  try {
    const end = await deps.tokenizer.tokenize(engine, tokenizeBody(request), context);
    context.trace.add("tokenized", engine.url);
    // What `/tokenize` refuses, a decode engine judges as the endpoint asked for would.
    return end.kind === "refused" ? { kind: "direct", reason: "tokenize_refused" } : end;
  } catch (error) {
    if (!(error instanceof RouterError) || errorCodeOf(error) === "client-gone") throw error;
    return { kind: "retry", reason: "tokenize_failed", error, avoid: [engine.id] };
  }
}

async function goDirect(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
  reason: DirectReason,
): Promise<Answer> {
  const { request, path, sessionKey } = ask;
  context.trace.route = "direct";
  context.trace.directReason = reason;
  deps.metrics.count("pd_router_direct_total", { reason });
  deps.log.debug("Serving directly", { request: context.id, reason });
  return await direct(deps, context, {
    path,
    model: request.model,
    sessionKey,
    body: originalBody(request),
    stream: request.stream,
  });
}
