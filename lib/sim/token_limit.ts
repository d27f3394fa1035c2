/** How long an output may be, and prompts that do not fit. @module */
import { badRequest } from "./api_error.ts";
import type { TokenIds } from "./tokenizer.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/**
 * Most output tokens of a prompt. Throws a 400 in vLLM's words for an empty prompt, an unknown
 * token id, or a prompt that does not fit with `maxTokens` into `maxModelLen`.
 */
export function outputLimit(
  maxModelLen: number,
  ids: TokenIds,
  maxTokens: number | undefined,
): number {
  if (ids.length === 0) throw badRequest("The decoder prompt cannot be empty", "prompt");
  for (const id of ids) {
    if (id >= VOCAB_SIZE) throw badRequest(`Token id ${id} is out of vocabulary`, "prompt");
  }
  const room = maxModelLen - ids.length;
  if (room < 1) {
    throw badRequest(
      `This model's maximum context length is ${maxModelLen} tokens. However, your request has ` +
        `${ids.length} input tokens. Please reduce the length of the input messages.`,
      "input_tokens",
    );
  }
  if (maxTokens === undefined) return room;
  if (maxTokens > room) {
    throw badRequest(
      `'max_tokens' or 'max_completion_tokens' is too large: ${maxTokens}. This model's maximum ` +
        `context length is ${maxModelLen} tokens and your request has ${ids.length} input tokens ` +
        `(${maxTokens} > ${maxModelLen} - ${ids.length}).`,
      "max_tokens",
    );
  }
  return maxTokens;
}
