/** Log-probabilities in the two shapes of the API. @module */
import { badRequest } from "./api_error.ts";
import { encodeUtf8 } from "../base/mod.ts";
import type { JsonObject } from "./json.ts";
import type { TokenChance, TokenLogprob } from "./sample.ts";
import { boolField, intField } from "./sampling.ts";
import { Sequence } from "./sequence.ts";
import { TokenSpelling } from "./token_spelling.ts";
import type { TokenIds } from "./tokenizer.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/** Most alternatives per token (vLLM `--max-logprobs`). */
const MAX_LOGPROBS = 20;

/** `logprobs` of a completion request: a number of alternatives. Throws a 400 out of range. */
export function completionLogprobs(body: JsonObject): number | undefined {
  const count = intField(body, "logprobs");
  if (count !== undefined && count < -1) {
    throw badRequest(`logprobs must be non-negative or -1, got ${count}.`, "logprobs", count);
  }
  return checked(count);
}

/** `logprobs` and `top_logprobs` of a chat request. Throws a 400 when they do not fit together. */
export function chatLogprobs(body: JsonObject): number | undefined {
  const wanted = boolField(body, "logprobs");
  const top = intField(body, "top_logprobs");
  if (top !== undefined && top > 0 && !wanted) {
    throw badRequest("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs");
  }
  checkPositive(top, "top_logprobs");
  const count = checked(top);
  return wanted ? count ?? 0 : undefined;
}

/** `prompt_logprobs`: alternatives per prompt token. Throws a 400 with a stream or out of range. */
export function promptLogprobs(body: JsonObject, stream: boolean): number | undefined {
  const count = intField(body, "prompt_logprobs");
  if (count === undefined) return undefined;
  if (stream) {
    throw badRequest("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs");
  }
  checkPositive(count, "prompt_logprobs");
  return checked(count);
}

/** A prompt's own tokens as `echo` shows them; of the first nothing is known. */
export type EchoedLogprob = TokenLogprob | Omit<TokenLogprob, "logprob" | "top">;

/** The log-probabilities of a prompt's own tokens. */
export function echoedLogprobs(
  ids: TokenIds,
  seed: number,
  count: number,
): readonly EchoedLogprob[] {
  const sequence = new Sequence(seed);
  const spelling = new TokenSpelling();
  return ids.map((id, index) => {
    const chance = (other: number): TokenChance => ({
      id: other,
      text: spelling.textOf(other),
      logprob: sequence.logprob(other),
    });
    const own = chance(id);
    const others = Array.from({ length: count }, (_, rank) => chance(sequence.alternative(rank)));
    sequence.push(id);
    spelling.push(id);
    return index === 0 ? { id, text: own.text } : { ...own, top: [own, ...others] };
  });
}

/** `prompt_logprobs`: by token id; null for the first. */
export function promptLogprobsOf(ids: TokenIds, seed: number, count: number): readonly unknown[] {
  return echoedLogprobs(ids, seed, count).map((known) => {
    if (!("top" in known)) return null;
    const entries = known.top.map(({ id, text, logprob }, rank) =>
      [String(id), { logprob, rank: rank + 1, decoded_token: text }] as const
    );
    return Object.fromEntries(entries);
  });
}

function checkPositive(count: number | undefined, param: string): void {
  if (count === undefined || count >= -1) return;
  throw badRequest(`\`${param}\` must be a positive value or -1.`, param, count);
}

/** A number of alternatives; -1 means all there are. */
function checked(given: number | undefined): number | undefined {
  const count = given === -1 ? VOCAB_SIZE : given;
  if (count === undefined || count <= MAX_LOGPROBS) return count;
  throw badRequest(
    `Requested sample logprobs of ${count}, which is greater than max allowed: ${MAX_LOGPROBS}`,
    "logprobs",
    count,
  );
}

function spelled({ id, text }: Pick<TokenChance, "id" | "text">, asId: boolean): string {
  return asId ? `token_id:${id}` : text;
}

/** The completions shape, and where in the text of all tokens the next one begins. */
export interface SpelledLogprobs {
  readonly json: string;
  readonly end: number;
}

/**
 * The completions shape; the first token begins at `offset`. A token's text counts as it is spelled,
 * as vLLM's `_create_completion_logprobs` does.
 */
export function completionLogprobsJson(
  tokens: readonly EchoedLogprob[],
  offset: number,
  asId: boolean,
): SpelledLogprobs {
  const texts: string[] = [];
  const offsets: number[] = [];
  let end = offset;
  for (const token of tokens) {
    const text = spelled(token, asId);
    texts.push(text);
    offsets.push(end);
    // In code points, as Python counts.
    end += [...text].length;
  }
  const json = JSON.stringify({
    text_offset: offsets,
    token_logprobs: tokens.map((token) => "top" in token ? token.logprob : null),
    tokens: texts,
    top_logprobs: tokens.map((token) =>
      "top" in token
        ? Object.fromEntries(token.top.map((each) => [spelled(each, asId), each.logprob]))
        : null
    ),
  });
  return { json, end };
}

/** The chat shape. `top_logprobs` lists as many as were asked for, none for 0. */
export function chatLogprobsJson(
  tokens: readonly TokenLogprob[],
  count: number,
  asId: boolean,
): string {
  const entry = (chance: TokenChance): Record<string, unknown> => {
    const token = spelled(chance, asId);
    return { token, logprob: chance.logprob, bytes: [...encodeUtf8(token)] };
  };
  return JSON.stringify({
    content: tokens.map((token) => ({
      ...entry(token),
      top_logprobs: token.top.slice(0, count).map(entry),
    })),
  });
}
