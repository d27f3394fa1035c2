/** How long an output may be, and prompts that do not fit. @module */
import { badRequest } from "./api_error.ts";
import type { SimOptions } from "./options.ts";
import { type Sampling, tooFewTokens } from "./sampling.ts";
import type { TokenIds } from "./tokenizer.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/** How many tokens a request wants, if it says so, and what it calls that. */
export type WantedTokens = Pick<Sampling, "maxTokens" | "maxTokensParam" | "minTokens">;

/** What an engine says of the length of answers. */
export type LengthOptions = Pick<
  SimOptions,
  "maxModelLen" | "maxNewTokens" | "overrideMaxNewTokens"
>;

/**
 * Most output tokens of a prompt: the least of what is wanted, else of the engine's default; of its
 * ceiling; and of what the context has room for. Throws a 400 in vLLM's words for an empty prompt, an
 * unknown token id, a prompt that leaves no room, a limit above the whole context, and one below the
 * least number of tokens.
 * Source: vLLM `vllm/renderers/params.py`, `entrypoints/serve/utils/api_utils.py`,
 * `sampling_params.py`.
 */
export function outputLimit(options: LengthOptions, ids: TokenIds, wanted: WantedTokens): number {
  const { maxTokens, maxTokensParam: param, minTokens } = wanted;
  const { maxModelLen, overrideMaxNewTokens: ceiling } = options;
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
  const limits = [maxTokens ?? ceiling ?? options.maxNewTokens, ceiling, room];
  const limit = Math.min(...limits.filter((each) => each !== undefined));
  if (minTokens <= limit) return limit;
  throw badRequest(
    `min_tokens must be less than or equal to max_tokens=${limit}, got ${minTokens}.`,
  );
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
