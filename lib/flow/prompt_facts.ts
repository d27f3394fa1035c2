/** What policies may know of a request's prompt, made once for all its attempts. @module */
import { inSlices } from "../base/mod.ts";
import { chunkingPrompt, promptTokensOf } from "../disagg/mod.ts";
import type { GenerationRequest, PromptSource } from "../disagg/mod.ts";
import type { JsonObject } from "../openai/mod.ts";
import type { FlowDeps, RequestContext } from "../request/mod.ts";
import { lookUp } from "./prompt_ids.ts";
import { CHUNK_CHARS, type PickAsk } from "../selection/mod.ts";

/** Chunks of a prompt that are hashed at most: some 130,000 tokens. What is behind tells few apart. */
const MAX_CHUNKS = 4_096;

/** Whose prompt. */
export interface PromptOf {
  readonly model: string;
  readonly body: JsonObject;
  /** Its prompt, where it is known where that stands. */
  readonly prompt?: PromptSource;
}

/** What a lookup needs besides: the request as a whole. */
export type PromptRead = PromptOf | GenerationRequest;

const NO_CHUNKS = new Float64Array(0);
const UNREAD: PromptSource = { kind: "messages" };

/**
 * `context` with what policies may know of the prompt, where they are told; its text is read only where
 * one looks at it.
 */
export function withPrompt(
  deps: FlowDeps,
  context: RequestContext,
  read: PromptRead,
): RequestContext | Promise<RequestContext> {
  const { kvLookup, promptParts } = deps;
  const known = withText(deps, context, read);
  if (kvLookup === undefined || promptParts?.has("cached") !== true || !("form" in read)) {
    return known;
  }
  return withCached(deps, known, read);
}

/** What is known of it by its ids, too. */
async function withCached(
  deps: FlowDeps,
  known: RequestContext | Promise<RequestContext>,
  request: GenerationRequest,
): Promise<RequestContext> {
  const context = await known;
  const found = await lookUp(deps, context, request);
  if (found === undefined || context.prompt === undefined) return context;
  const { ids, cachedAt } = found;
  const prompt = { ...context.prompt, tokens: Math.max(1, ids.tokens.count), cachedAt };
  return { ...context, earlyIds: ids, prompt };
}

/** What is known of it by its text. */
function withText(
  { breather, promptParts }: Pick<FlowDeps, "breather" | "promptParts">,
  context: RequestContext,
  { model, body, prompt = UNREAD }: PromptOf,
): RequestContext | Promise<RequestContext> {
  if (promptParts === undefined) return context;
  const tokens = promptTokensOf({ prompt, body });
  const knowing = (chunks: Float64Array): RequestContext => ({
    ...context,
    prompt: { tokens, chunks: () => chunks, cachedAt: () => undefined },
  });
  if (!promptParts.has("chunks")) return knowing(NO_CHUNKS);
  const work = chunkingPrompt(body, { model, chars: CHUNK_CHARS, most: MAX_CHUNKS });
  return inSlices(work, breather).then(knowing);
}

/** What a choice is asked for with. */
export function promptIn({ prompt }: RequestContext): Pick<PickAsk, "prompt"> {
  return prompt === undefined ? {} : { prompt };
}
