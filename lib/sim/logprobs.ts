/** Log-probabilities in the two shapes of the API. @module */
import { badRequest } from "./api_error.ts";
import { encodeUtf8 } from "../base/mod.ts";
import type { JsonObject } from "./json.ts";
import type { TokenLogprob } from "./sample.ts";
import { boolField, intField } from "./sampling.ts";
import { Sequence } from "./sequence.ts";
import { type TokenIds, tokenText } from "./tokenizer.ts";

/** Most alternatives per token (vLLM `--max-logprobs`). */
const MAX_LOGPROBS = 20;

/** `logprobs` of a completion request: a number of alternatives. Throws a 400 out of range. */
export function completionLogprobs(body: JsonObject): number | undefined {
  return checked(intField(body, "logprobs"), "logprobs");
}

/** `logprobs` and `top_logprobs` of a chat request. Throws a 400 when they do not fit together. */
export function chatLogprobs(body: JsonObject): number | undefined {
  const wanted = boolField(body, "logprobs");
  const top = intField(body, "top_logprobs");
  if (top !== undefined && top > 0 && !wanted) {
    throw badRequest("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs");
  }
  const count = checked(top, "top_logprobs");
  return wanted ? count ?? 0 : undefined;
}

/** `prompt_logprobs`: alternatives per prompt token. Throws a 400 with a stream or out of range. */
export function promptLogprobs(body: JsonObject, stream: boolean): number | undefined {
  const count = intField(body, "prompt_logprobs");
  if (count === undefined) return undefined;
  if (stream) {
    throw badRequest("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs");
  }
  return checked(count, "prompt_logprobs");
}

/** The log-probabilities of a prompt's own tokens, by token id; null for the first. */
export function promptLogprobsOf(ids: TokenIds, seed: number, count: number): readonly unknown[] {
  const sequence = new Sequence(seed);
  return ids.map((id, index) => {
    const others = Array.from({ length: count }, (_, rank) => sequence.alternative(rank));
    const entries = [id, ...others].map((each, rank) => {
      const known = { logprob: sequence.logprob(each), rank: rank + 1 };
      return [String(each), { ...known, decoded_token: tokenText(each) }] as const;
    });
    sequence.push(id);
    return index === 0 ? null : Object.fromEntries(entries);
  });
}

function checked(count: number | undefined, param: string): number | undefined {
  if (count === undefined) return undefined;
  if (count < 0) throw badRequest(`\`${param}\` must be a positive value.`, param);
  if (count > MAX_LOGPROBS) {
    throw badRequest(
      `Requested sample logprobs of ${count}, which is greater than max allowed: ${MAX_LOGPROBS}`,
      param,
    );
  }
  return count;
}

function spelled(id: number, asId: boolean): string {
  return asId ? `token_id:${id}` : tokenText(id);
}

/**
 * The completions shape; `offset` is where in the output text the first token begins. A token's
 * text counts as it is spelled, as vLLM's `_create_completion_logprobs` does.
 */
export function completionLogprobsJson(
  tokens: readonly TokenLogprob[],
  offset: number,
  asId: boolean,
): string {
  const texts: string[] = [];
  const offsets: number[] = [];
  let at = offset;
  for (const { id } of tokens) {
    const text = spelled(id, asId);
    texts.push(text);
    offsets.push(at);
    at += text.length;
  }
  return JSON.stringify({
    text_offset: offsets,
    token_logprobs: tokens.map(({ logprob }) => logprob),
    tokens: texts,
    top_logprobs: tokens.map(({ top }) =>
      Object.fromEntries(top.map(({ id, logprob }) => [spelled(id, asId), logprob]))
    ),
  });
}

/** The chat shape. `top_logprobs` lists as many as were asked for, none for 0. */
export function chatLogprobsJson(
  tokens: readonly TokenLogprob[],
  count: number,
  asId: boolean,
): string {
  const entry = (id: number, logprob: number): Record<string, unknown> => {
    const token = spelled(id, asId);
    return { token, logprob, bytes: [...encodeUtf8(token)] };
  };
  return JSON.stringify({
    content: tokens.map(({ id, logprob, top }) => ({
      ...entry(id, logprob),
      top_logprobs: top.slice(0, count).map((other) => entry(other.id, other.logprob)),
    })),
  });
}
