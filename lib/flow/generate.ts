/** One generation request's story: hand it off, again on another pair, or serve it directly. @module */
import { type Engine, errorCodeOf, type FirstToken, RouterError } from "../base/mod.ts";
import {
  budgetOf,
  decide,
  type DirectReason,
  type GenerationRequest,
  isTextRequest,
  originalBody,
  tokenizeBody,
} from "../disagg/mod.ts";
import { type Pair, selectPair, serving } from "../selection/mod.ts";
import type { PromptTokens } from "../tokenization/mod.ts";
import type { Answer } from "./answer.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { direct } from "./direct.ts";
import { attemptP1 } from "./p1.ts";
import { attemptRelay, type RelayProtocol } from "./relay.ts";
import { lmcacheRelay, nixlRelay, sharedStorageRelay } from "./relay_protocols.ts";
import type { Route } from "./trace.ts";

/** Attempts per request; the second goes to another pair if there is one. */
const ATTEMPTS = 2;

/** What to answer. */
export interface GenerateAsk {
  readonly request: GenerationRequest;
  /** The client's path and query. */
  readonly path: string;
  readonly sessionKey: string | undefined;
}

/** Answer a generation request. Throws `RouterError` when nothing has reached the client. */
export async function generate(
  deps: HandoffDeps,
  context: RequestContext,
  ask: GenerateAsk,
): Promise<Answer> {
  const { request } = ask;
  const { engines } = deps.directory.snapshot();
  const decision = decide(request, modesOf(deps, serving(engines, request.model)));
  if (decision.kind === "direct") return await goDirect(deps, context, ask, decision.reason);
  const { mode } = decision;
  context.trace.route = routeOf(deps, mode);
  const prompts = new PromptCache();
  let failed: RetryEnd | undefined;
  for (let attempt = 1;; attempt++) {
    const choice = selectPair(deps.directory.snapshot().engines, deps.policies, {
      model: request.model,
      sessionKey: ask.sessionKey,
      avoid: new Set(failed?.avoid),
      receives: (engine) => receives(deps, engine, mode),
    });
    if (choice.kind === "none") {
      const lacking = choice.lacks === "prefill" ? "no_prefill_engine" : "no_nixl_receiver";
      return await goDirect(deps, context, ask, lacking);
    }
    if (failed !== undefined) {
      if (repeats(choice.pair, failed)) throw failed.error;
      noteRetry(deps, context, failed);
    }
    const end = await tryPair(deps, context, { ...ask, mode, pair: choice.pair, prompts });
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

/** Whether `engine` can be the decode engine of a handoff in `mode`. */
function receives(deps: HandoffDeps, engine: Engine, mode: FirstToken): boolean {
  if (deps.protocol !== "lmcache") return mode === "decode";
  const modes = engine.nixl?.firstToken;
  return modes === "both" || modes === mode;
}

/** The modes that some decode engine of `engines` can take. */
function modesOf(deps: HandoffDeps, engines: readonly Engine[]): ReadonlySet<FirstToken> {
  const modes = ["prefill", "decode"] as const;
  const decodes = engines.filter((engine) => engine.role === "decode");
  return new Set(modes.filter((mode) => decodes.some((engine) => receives(deps, engine, mode))));
}

const RELAYS = {
  lmcache: lmcacheRelay,
  nixl: nixlRelay,
  shared_storage: sharedStorageRelay,
} as const satisfies Readonly<Record<HandoffDeps["protocol"], RelayProtocol>>;

const RELAY_ROUTES = {
  lmcache: "handoff_d1",
  nixl: "handoff_nixl",
  shared_storage: "handoff_shared_storage",
} as const satisfies Readonly<Record<HandoffDeps["protocol"], Route>>;

function routeOf(deps: HandoffDeps, mode: FirstToken): Route {
  return mode === "prefill" ? "handoff_p1" : RELAY_ROUTES[deps.protocol];
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

interface PairTry extends GenerateAsk {
  readonly mode: FirstToken;
  readonly pair: Pair;
  readonly prompts: PromptCache;
}

async function tryPair(
  deps: HandoffDeps,
  context: RequestContext,
  { request, path, mode, pair, prompts }: PairTry,
): Promise<AttemptEnd> {
  if (mode === "decode") {
    return await attemptRelay(deps, context, { request, path, pair }, RELAYS[deps.protocol]);
  }
  const receiver = pair.decode.nixl;
  if (receiver === undefined) return { kind: "direct", reason: "no_nixl_receiver" };
  if (!isTextRequest(request)) return { kind: "direct", reason: "endpoint" };
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
    body: originalBody(request, undefined, deps.trustClientKvParams),
    stream: request.stream,
  });
}
