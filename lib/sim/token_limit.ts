/** How long an output may be, and prompts that do not fit. @module */
import { badRequest } from "./api_error.ts";
import { type Sampling, tooFewTokens } from "./sampling.ts";
import type { TokenIds } from "./tokenizer.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/** How many tokens a request wants, if it says so, and what it calls that. */
export type WantedTokens = Pick<Sampling, "maxTokens" | "maxTokensParam">;

/**
 * Most output tokens of a prompt: what is wanted, or what the context has room for. Throws a 400 in
 * vLLM's words for an empty prompt, an unknown token id, a prompt that leaves no room, and a limit
 * above the whole context.
 * Source: vLLM `vllm/renderers/params.py`, `entrypoints/serve/utils/api_utils.py`.
 */
export function outputLimit(maxModelLen: number, ids: TokenIds, wanted: WantedTokens): number {
  const { maxTokens, maxTokensParam: param } = wanted;
  if (maxTokens !== undefined && maxTokens > maxModelLen) {
    throw badRequest(
      `${param}=${maxTokens} cannot be greater than max_model_len=${maxModelLen}. Please request ` +
        "fewer output tokens.",
      param,
      maxTokens,
    );
  }
  checkPromptLength(maxModelLen, ids);
  if (ids.length === 0) throw badRequest("The decoder prompt cannot be empty");
  for (const id of ids) {
    if (id >= VOCAB_SIZE) throw badRequest(`Token id ${id} is out of vocabulary`);
  }
  const room = maxModelLen - ids.length;
  if (room < 1) throw tooFewTokens(room);
  return maxTokens === undefined ? room : Math.min(maxTokens, room);
}

/** The ids of a text no further than it takes to see that there are too many. */
export function idsWithin(maxModelLen: number, ids: TokenIds): TokenIds {
  return ids.length > maxModelLen + 1 ? ids.slice(0, maxModelLen + 1) : ids;
}

/** Throws the 400 of a prompt longer than the context. */
export function checkPromptLength(maxModelLen: number, ids: TokenIds): void {
  if (ids.length <= maxModelLen) return;
  const atLeast = ids.length === maxModelLen + 1 ? "at least " : "";
  throw badRequest(
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains ` +
      `${atLeast}${ids.length} input tokens, which exceeds this limit even without any output ` +
      "tokens. Please reduce the length of the input prompt.",
    "input_tokens",
    ids.length,
  );
}
