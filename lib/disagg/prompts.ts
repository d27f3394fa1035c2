/** A request with several prompts as requests with one each. @module */
import { atOnce } from "../base/mod.ts";
import { fieldOf, laxInt } from "../openai/mod.ts";
import type { GenerationRequest } from "./generation.ts";
import { type ListedPrompt, readingOne } from "./prompt.ts";

/**
 * The prompts of a request whose prompt is of the kind `several`, as JSON text in their order.
 *
 * Throws `bad-request` when they are not all text or all token ids, and when there are more than
 * 2,048.
 */
export function promptsOf(request: Pick<GenerationRequest, "prompt">): readonly Uint8Array[] {
  return listOf(request).map(({ raw }) => raw);
}

function listOf({ prompt }: Pick<GenerationRequest, "prompt">): readonly ListedPrompt[] {
  if (prompt.kind !== "several") return [];
  if (prompt.list instanceof Error) throw prompt.list;
  return prompt.list;
}

/** `request` with `prompt`, one of its own, alone; all else is as the client sent it. */
export function withPrompt(request: GenerationRequest, prompt: Uint8Array): GenerationRequest {
  const known = listOf(request).find(({ raw }) => raw === prompt);
  return {
    ...request,
    body: request.body.with("prompt", prompt),
    prompt: known?.prompt ?? atOnce(readingOne(prompt, true)),
  };
}

/** How many choices the answer to one prompt has; 1 where only an engine can judge the field. */
export function samplesOf({ body }: Pick<GenerationRequest, "body">): number {
  const n = laxInt(fieldOf(body, "n"));
  return n !== undefined && n > 1 ? n : 1;
}
