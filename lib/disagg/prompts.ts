/** A request with several prompts as requests with one each. @module */
import { concatBytes, QUOTE, RouterError } from "../base/mod.ts";
import { fieldOf, JsonObject, scanArray, type Span } from "../openai/mod.ts";
import { isIdList } from "../tokenization/mod.ts";
import { type GenerationRequest, readGeneration } from "./generation.ts";

/** Prompts that one request may have: the router sends a request for each. */
export const MAX_PROMPTS = 2048;

/**
 * The prompts of a request whose prompt is of the kind `several`, as JSON text in their order.
 *
 * Throws `bad-request` when they are not all text or all token ids, as vLLM refuses such a list
 * (`vllm/entrypoints/openai/completion/protocol.py`), and when there are more than 2,048.
 */
export function promptsOf({ body }: Pick<GenerationRequest, "body">): readonly Uint8Array[] {
  const member = body.member("prompt");
  const spans: readonly Span[] = member === undefined
    ? []
    : scanArray(body.bytes, member, MAX_PROMPTS + 1);
  if (spans.length > MAX_PROMPTS) {
    throw refused(`holds more than ${MAX_PROMPTS} prompts: send them in several requests`);
  }
  const prompts = spans.map(({ start, end }) => body.bytes.subarray(start, end));
  const allText = prompts.every((prompt) => prompt[0] === QUOTE);
  if (!allText && !prompts.every(isIdList)) {
    throw refused("must be text, token ids, a list of texts, or a list of lists of token ids");
  }
  return prompts;
}

/** `request` with `prompt`, one of its own, alone; all else is as the client sent it. */
export function withPrompt(request: GenerationRequest, prompt: Uint8Array): GenerationRequest {
  const { form, model, stream } = request;
  const body = new JsonObject(concatBytes(request.body.edited({ set: { prompt } })));
  return readGeneration(form, { body, model, stream });
}

/** How many choices the answer to one prompt has; 1 where only an engine can judge the field. */
export function samplesOf({ body }: Pick<GenerationRequest, "body">): number {
  const n = fieldOf(body, "n");
  return typeof n === "number" && Number.isSafeInteger(n) && n > 1 ? n : 1;
}

function refused(what: string): RouterError {
  return new RouterError("bad-request", `Field 'prompt' ${what}`, { param: "prompt" });
}
