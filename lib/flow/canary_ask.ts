/** What a canary sends: a prompt that nobody else has, as the engines' own ids. Pure. @module */
import { encodeUtf8, jsonOf, type Random, recordOf, RouterError } from "../base/mod.ts";
import { type GenerationRequest, readGeneration } from "../disagg/mod.ts";
import { parseRequest } from "../openai/mod.ts";

/** Tokens of a canary's prompt: more than two of LMCache's chunks. */
const PROMPT_TOKENS = 600;

/** More than one chunk, so that something must come; shorter contexts are not tried. */
const LEAST_TOKENS = 258;

/** Tokens of its answer. */
const ANSWER_TOKENS = 8;

/** How many tokens to ask for in a context of `maxModelLen`; undefined where it is too short. */
export function canaryLength(maxModelLen: number | undefined): number | undefined {
  const most = Math.min(PROMPT_TOKENS, (maxModelLen ?? Infinity) - 2 * ANSWER_TOKENS);
  return most < LEAST_TOKENS ? undefined : most;
}

/** A text of at least `tokens` tokens in any vocabulary. */
export function canaryText(random: Random, tokens: number): string {
  return Array.from({ length: tokens }, () => Math.floor(100 + 900 * random.next())).join(" ");
}

/** The first `count` ids in an answer of `/tokenize`; undefined where there are not so many. */
export function idsIn(answer: Uint8Array, count: number): readonly number[] | undefined {
  const ids = recordOf(jsonOf(answer))?.["tokens"];
  if (!Array.isArray(ids) || ids.length < count) return undefined;
  const taken = ids.slice(0, count);
  return taken.every((id) => Number.isSafeInteger(id) && id >= 0) ? taken : undefined;
}

/** The request; `salt` keeps it apart in an engine's own cache. */
export function canaryRequest(
  model: string,
  ids: readonly number[],
  salt?: string,
): GenerationRequest {
  const body = {
    model,
    prompt: ids,
    max_tokens: ANSWER_TOKENS,
    temperature: 0,
    // An answer that ends with its first token says nothing of a decode engine.
    ignore_eos: true,
    ...(salt === undefined ? {} : { cache_salt: salt }),
  };
  return readGeneration("completions", parseRequest(encodeUtf8(JSON.stringify(body))));
}

/** The text of a completion. Throws `upstream-protocol` where there is none. */
export function textIn(answer: Uint8Array): string {
  const choices = recordOf(jsonOf(answer))?.["choices"];
  const text = Array.isArray(choices) ? recordOf(choices[0])?.["text"] : undefined;
  if (typeof text === "string") return text;
  throw new RouterError("upstream-protocol", "The answer to a canary has no text");
}
