/**
 * The ids of a request's prompt in mode P1: known before the prefill, or told by its answer, and
 * the limit of the answer that follows from their number.
 * @module
 */
import { errorCodeOf, inSlices, RouterError } from "../base/mod.ts";
import {
  budgetOf,
  type DirectReason,
  originalBody,
  type TextRequest,
  tokenizeBody,
} from "../disagg/mod.ts";
import type { RequestContext } from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { countingIds, type PromptAsk, type PromptTokens } from "../tokenization/mod.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { HandoffDeps } from "./deps.ts";
import type { PrefillResult } from "./prefill.ts";

/** Ids that are at hand. */
export interface KnownPrompt {
  readonly kind: "known";
  /** JSON text of the ids. */
  readonly ids: Uint8Array;
  /** Limit of the answer in tokens, at least 1. */
  readonly maxTokens: number;
}

/** Ids that the prefill's answer tells: the prefill leg is the client's own request. */
export interface ToldPrompt {
  readonly kind: "told";
  /** What the answer told; asks `/tokenize` where it told nothing. Throws `client-gone`. */
  settle(result: PrefillResult): Promise<KnownPrompt | PromptFailure>;
  /**
   * The ids under which KV is at the decode engine, with the prefill's answer if there is one.
   * Rejects with `tokenize-failed` when they cannot be had.
   */
  idsToReclaim(result: PrefillResult | undefined): Promise<Uint8Array>;
}

/** A prompt as a prefill leg needs it. */
export type P1Prompt = KnownPrompt | ToldPrompt;

/** There are no ids, or too many: what the attempt ends with. */
export type PromptFailure = Exclude<AttemptEnd, { readonly kind: "answer" }>;

/** Ids kept over the attempts of one request: they depend on the model alone. */
export class KeptPrompt {
  tokens: PromptTokens | undefined;
}

/** Whose prompt, and for whom. */
export interface PromptFor {
  readonly request: TextRequest;
  readonly pair: Pair;
  readonly kept: KeptPrompt;
  /** `/tokenize` cannot express the prompt. */
  readonly exact: boolean;
}

/** Client endpoints by the form of their requests. */
export const ENDPOINTS = {
  completions: "/v1/completions",
  chat: "/v1/chat/completions",
} as const;

/** The prompt of a request on its way to `pair`. Throws `client-gone`. */
export async function promptFor(
  deps: HandoffDeps,
  context: RequestContext,
  asked: PromptFor,
): Promise<P1Prompt | PromptFailure> {
  const { request, pair, kept } = asked;
  const { prompt } = request;
  if (prompt.kind === "tokens") {
    kept.tokens ??= { ids: prompt.ids, count: prompt.count, maxModelLen: undefined };
  }
  if (kept.tokens !== undefined) return await known(deps, context, asked, kept.tokens);
  return await asking(pair, async () => {
    const end = await deps.prompts.find(pair.prefill, promptAskOf(deps, asked), context);
    switch (end.kind) {
      case "with-prefill":
        return new PromptToldByPrefill(deps, context, asked);
      case "unavailable":
        return goDirect("prompt_unknown");
      case "tokens":
        context.trace.add("tokenized", pair.prefill.url);
        kept.tokens = end.prompt;
        return await known(deps, context, asked, end.prompt);
      case "refused":
        context.trace.add("tokenized", pair.prefill.url);
        // What `/tokenize` refuses, a decode engine judges as the endpoint asked for would.
        return goDirect("tokenize_refused");
      default:
        return end satisfies never;
    }
  });
}

/** The requests that would make ids of the prompt. */
export function promptAskOf(
  { fleet }: Pick<HandoffDeps, "fleet">,
  { request, exact }: Pick<PromptFor, "request" | "exact">,
): PromptAsk {
  const { form, model, maxTokens } = request;
  return {
    tokenize: () => tokenizeBody(request),
    render: { path: `${ENDPOINTS[form]}/render`, body: () => originalBody(request) },
    needsLength: maxTokens === undefined && form === "chat" &&
      fleet.snapshot().maxModelLen(model) === undefined,
    // The two endpoints report log probabilities in different forms; the answer is made of one.
    byIds: request.logprobs !== undefined,
    exact,
    parsed: form === "chat",
  };
}

class PromptToldByPrefill implements ToldPrompt {
  readonly kind = "told";
  readonly #deps: HandoffDeps;
  readonly #context: RequestContext;
  readonly #asked: PromptFor;

  constructor(deps: HandoffDeps, context: RequestContext, asked: PromptFor) {
    this.#deps = deps;
    this.#context = context;
    this.#asked = asked;
  }

  async settle(result: PrefillResult): Promise<KnownPrompt | PromptFailure> {
    const { pair, kept, exact } = this.#asked;
    const told = await tokensIn(this.#deps, result);
    this.#deps.prompts.note(pair.prefill, {
      ids: told !== undefined,
      text: result.text !== undefined,
    });
    if (told !== undefined) {
      kept.tokens = told;
      this.#context.held?.keep(told.ids);
      return await known(this.#deps, this.#context, this.#asked, told);
    }
    if (exact) return goDirect("prompt_unknown");
    return await asking(pair, () => this.#tokenize(result));
  }

  async #tokenize(result: PrefillResult): Promise<KnownPrompt | PromptFailure> {
    const { pair, kept } = this.#asked;
    const ask = promptAskOf(this.#deps, this.#asked);
    const end = await this.#deps.prompts.tokenize(pair.prefill, ask, this.#context);
    this.#context.trace.add("tokenized", pair.prefill.url);
    if (end.kind === "refused") return goDirect("tokenize_refused");
    // The KV is of another prompt then, and so is the first token.
    const counted = result.usage?.prompt_tokens ?? end.prompt.count;
    if (counted !== end.prompt.count) return goDirect("prompt_unknown");
    kept.tokens = end.prompt;
    return await known(this.#deps, this.#context, this.#asked, end.prompt);
  }

  async idsToReclaim(result: PrefillResult | undefined): Promise<Uint8Array> {
    const { pair, kept, exact } = this.#asked;
    const ids = kept.tokens?.ids ?? (result && await tokensIn(this.#deps, result))?.ids;
    if (ids !== undefined) return ids;
    if (!exact) {
      const { headers, trace } = this.#context;
      const caller = { headers, trace, signal: this.#deps.background.signal };
      const ask = promptAskOf(this.#deps, this.#asked);
      const end = await this.#deps.prompts.tokenize(pair.decode, ask, caller);
      if (end.kind === "tokens") return end.prompt.ids;
    }
    throw new RouterError(
      "tokenize-failed",
      `Cannot tell the token ids of the KV at engine ${pair.decode.url}`,
    );
  }
}

async function tokensIn(
  { breather }: HandoffDeps,
  { promptIds: ids }: PrefillResult,
): Promise<PromptTokens | undefined> {
  const count = ids === undefined ? undefined : await inSlices(countingIds(ids), breather);
  if (ids === undefined || count === undefined) return undefined;
  return { ids, count, maxModelLen: undefined };
}

async function known(
  deps: HandoffDeps,
  { headers }: RequestContext,
  { request, pair }: PromptFor,
  tokens: PromptTokens,
): Promise<KnownPrompt | PromptFailure> {
  const { model, form, maxTokens } = request;
  const maxModelLen = tokens.maxModelLen ?? deps.fleet.snapshot().maxModelLen(model);
  const own = maxTokens === undefined
    ? await deps.limits.of(pair.decode, model, form, headers)
    : undefined;
  const budget = budgetOf(request, tokens.count, maxModelLen, own);
  if (budget.kind === "direct") return goDirect("context_length");
  return { kind: "known", ids: tokens.ids, maxTokens: budget.maxTokens };
}

function goDirect(reason: DirectReason): PromptFailure {
  return { kind: "direct", reason };
}

/** What `ask` finds; an engine that fails at it is gone around. */
async function asking<End>(
  { prefill: { id } }: Pair,
  ask: () => Promise<End>,
): Promise<End | PromptFailure> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof RouterError) || errorCodeOf(error) === "client-gone") throw error;
    const exclude = [{ id, why: "failed" }] as const;
    return { kind: "retry", reason: "tokenize_failed", error: told(error), exclude };
  }
}

/** That an engine was too slow is told as of every other leg. */
function told(error: RouterError): RouterError {
  const { message, cause } = error;
  return errorCodeOf(cause) === "upstream-timeout"
    ? new RouterError("upstream-timeout", message, { cause })
    : error;
}
