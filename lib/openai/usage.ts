/** Token accounting of one answer made by two engines. @module */
import { recordOf } from "../base/mod.ts";

/** `usage` of an OpenAI answer; unknown fields are kept. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: unknown;
  readonly [key: string]: unknown;
}

/** `value` as `Usage`, or undefined when it is none. */
export function asUsage(value: unknown): Usage | undefined {
  const members = recordOf(value);
  if (members === undefined) return undefined;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = members;
  if (typeof prompt !== "number" || typeof total !== "number") return undefined;
  const completed = typeof completion === "number" ? completion : total - prompt;
  return { ...members, prompt_tokens: prompt, completion_tokens: completed, total_tokens: total };
}

/**
 * What the client is told after a handoff whose first tokens, `given` of them, did not come from the
 * decode engine: it counted these as prompt, and reports nearly the whole prompt as cached, while only
 * the prefill engine knows what was cached before this request.
 */
export function joinUsage(prefill: Usage | undefined, decode: Usage, given = 1): Usage {
  const { prompt_tokens_details: _decodeDetails, ...counts } = decode;
  return {
    ...counts,
    prompt_tokens: decode.prompt_tokens - given,
    completion_tokens: decode.completion_tokens + given,
    total_tokens: decode.total_tokens,
    ...("prompt_tokens_details" in (prefill ?? {})
      ? { prompt_tokens_details: prefill?.prompt_tokens_details }
      : {}),
  };
}

/** What the client is told of an answer of `completion` tokens that the router has ended. */
export function stoppedUsage(prefill: Usage | undefined, completion: number): Usage | undefined {
  return prefill && {
    ...prefill,
    completion_tokens: completion,
    total_tokens: prefill.prompt_tokens + completion,
  };
}
