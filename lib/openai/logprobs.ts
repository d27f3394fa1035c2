/**
 * Log-probabilities of tokens in both forms of the API.
 *
 * Numbers and the order of alternatives stay as the engine wrote them: they are taken from the
 * JSON's bytes, because parsed objects would put keys such as "7" first.
 * Source: vLLM `vllm/entrypoints/openai/{completion,chat_completion}/serving.py`
 * (`_create_completion_logprobs`, `_create_chat_logprobs`); it clamps them at -9999.0.
 * @module
 */
import { decodeUtf8, encodeUtf8, OPEN_BRACE, OPEN_BRACKET } from "../base/mod.ts";
import { JsonScanError, memberOf, membersOf, scanArray, type Span } from "./json_scan.ts";

/** Log-probabilities of some tokens in order; all lists are of one length. */
export interface TokenLogprobs {
  readonly tokens: readonly string[];
  /** JSON of each token's log-probability: a number, or `null`. */
  readonly logprobs: readonly string[];
  /** JSON of each token's alternatives, the token itself first: an object, or `null`. */
  readonly tops: readonly string[];
  /** Where each token begins in the text, in characters. */
  readonly offsets: readonly number[];
}

/**
 * The `logprobs` of the first choice in an answer or event of either form, valid JSON; undefined
 * when there are none, when their lists are not of one length, or when a token is no text,
 * and where there is more than is scanned: deeper nesting, or longer numbers, than Python has.
 */
export function logprobsIn(json: Uint8Array): TokenLogprobs | undefined {
  try {
    return logprobsOfFirst(json);
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}

function logprobsOfFirst(json: Uint8Array): TokenLogprobs | undefined {
  const choices = memberOf(json, { start: json.indexOf(OPEN_BRACE), end: 0 }, "choices");
  if (choices === undefined || json[choices.start] !== OPEN_BRACKET) return undefined;
  const [choice] = scanArray(json, choices, 1);
  const found = choice === undefined ? undefined : memberOf(json, choice, "logprobs");
  if (found === undefined || json[found.start] !== OPEN_BRACE) return undefined;
  const content = memberOf(json, found, "content");
  if (content !== undefined) return chatEntries(json, content);
  const list = (key: string): readonly string[] => {
    const at = memberOf(json, found, key);
    if (at === undefined || json[at.start] !== OPEN_BRACKET) return [];
    return scanArray(json, at).map(({ start, end }) => decodeUtf8(json.subarray(start, end)));
  };
  const spelled = list("tokens");
  if (!spelled.every(isText)) return undefined;
  const tokens = spelled.map((token) => String(JSON.parse(token)));
  const logprobs = list("token_logprobs");
  const tops = list("top_logprobs");
  const offsets = list("text_offset").map(Number);
  return [logprobs, tops, offsets].every(({ length }) => length === tokens.length)
    ? { tokens, logprobs, tops, offsets }
    : undefined;
}

/** The list at `span`, of the chat form; it tells no offsets. */
function chatEntries(json: Uint8Array, span: Span): TokenLogprobs | undefined {
  if (json[span.start] !== OPEN_BRACKET) return undefined;
  const entries = scanArray(json, span);
  const raw = (entry: Span, key: string): string => {
    const at = memberOf(json, entry, key);
    return at === undefined ? "null" : decodeUtf8(json.subarray(at.start, at.end));
  };
  const others = entries.map((entry): readonly Span[] | undefined => {
    const list = memberOf(json, entry, "top_logprobs");
    return list !== undefined && json[list.start] === OPEN_BRACKET
      ? scanArray(json, list)
      : undefined;
  });
  const told = [...entries, ...others.flatMap((list) => list ?? [])];
  if (!told.every((entry) => isText(raw(entry, "token")))) return undefined;
  return {
    tokens: entries.map((entry) => String(JSON.parse(raw(entry, "token")))),
    logprobs: entries.map((entry) => raw(entry, "logprob")),
    tops: others.map((list) =>
      list === undefined
        ? "null"
        : `{${list.map((other) => `${raw(other, "token")}:${raw(other, "logprob")}`).join()}}`
    ),
    offsets: entries.map(() => 0),
  };
}

/** Whether `json`, one value, is a text: what is something else has no spelling. */
function isText(json: string): boolean {
  return json.startsWith('"');
}

/** The first `count` tokens of `entries`. */
export function firstLogprobs(entries: TokenLogprobs, count: number): TokenLogprobs {
  return {
    tokens: entries.tokens.slice(0, count),
    logprobs: entries.logprobs.slice(0, count),
    tops: entries.tops.slice(0, count),
    offsets: entries.offsets.slice(0, count),
  };
}

/** `entries` whose first token begins at `from`: each counts as long as it is spelled. */
export function offsetLogprobs(entries: TokenLogprobs, from: number): TokenLogprobs {
  let at = from;
  const offsets = entries.tokens.map((token) => {
    const offset = at;
    at += characterCount(token);
    return offset;
  });
  return { ...entries, offsets };
}

/** Characters of all tokens of `entries` as they are spelled. */
export function spelledLength({ tokens }: TokenLogprobs): number {
  return tokens.reduce((sum, token) => sum + characterCount(token), 0);
}

/**
 * `entries` in which token `at` is spelled `text`, when it has no spelling: the engine did not see
 * the beginning of the character that it completes.
 */
export function spelledLogprobs(entries: TokenLogprobs, at: number, text: string): TokenLogprobs {
  if (entries.tokens[at] !== "") return entries;
  const unspelled = `{"":`;
  const tops = entries.tops.map((top, index) =>
    index === at && top.startsWith(unspelled)
      ? `{${JSON.stringify(text)}:${top.slice(unspelled.length)}`
      : top
  );
  return { ...entries, tokens: entries.tokens.with(at, text), tops };
}

/** `parts` as the log-probabilities of one whole text. */
export function joinedLogprobs(parts: readonly TokenLogprobs[]): TokenLogprobs {
  return offsetLogprobs({
    tokens: parts.flatMap((part) => part.tokens),
    logprobs: parts.flatMap((part) => part.logprobs),
    tops: parts.flatMap((part) => part.tops),
    offsets: [],
  }, 0);
}

/** Length of `text` in characters (code points), as Python's `len` has it. */
export function characterCount(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) count++;
  return count;
}

/** The lists of the completions form, in the order they are written in. */
export const COMPLETION_LISTS = [
  "text_offset",
  "token_logprobs",
  "tokens",
  "top_logprobs",
] as const;

/** JSON of the elements of each of these lists. */
export function completionLists(
  entries: TokenLogprobs,
): Readonly<Record<typeof COMPLETION_LISTS[number], string>> {
  return {
    text_offset: entries.offsets.join(),
    token_logprobs: entries.logprobs.join(),
    tokens: JSON.stringify(entries.tokens).slice(1, -1),
    top_logprobs: entries.tops.join(),
  };
}

/** JSON of the completions form. */
export function completionLogprobsJson(entries: TokenLogprobs): string {
  const lists = completionLists(entries);
  return `{${COMPLETION_LISTS.map((key) => `"${key}":[${lists[key]}]`).join()}}`;
}

/**
 * JSON of the elements of `content` in the chat form. `count` is what the client asked for as
 * `top_logprobs`; the completions form may list one alternative more, as the token itself is always
 * in it. Alternatives that are spelled alike are one in the completions form, so then fewer than
 * `count` can be told.
 */
export function chatElements(entries: TokenLogprobs, count: number): string {
  return entries.tokens.map((token, index) => {
    const own = entries.logprobs[index] ?? "null";
    const others = alternatives(entries.tops[index] ?? "null").slice(0, count)
      .map(([other, value]) => `${entry(other, other === token ? own : value)}}`);
    return `${entry(token, own)},"top_logprobs":[${others.join()}]}`;
  }).join();
}

/** JSON of the chat form; `count` as with `chatElements`. */
export function chatLogprobsJson(entries: TokenLogprobs, count: number): string {
  return `{"content":[${chatElements(entries, count)}]}`;
}

/** An entry without its closing brace. */
function entry(token: string, logprob: string): string {
  // vLLM says -9999.0, its least value, of a token whose probability it does not know.
  const known = logprob === "null" ? "-9999.0" : logprob;
  const bytes = encodeUtf8(token).join();
  return `{"token":${JSON.stringify(token)},"logprob":${known},"bytes":[${bytes}]`;
}

function alternatives(json: string): readonly (readonly [token: string, logprob: string])[] {
  const bytes = encodeUtf8(json);
  if (bytes[0] !== OPEN_BRACE) return [];
  return membersOf(bytes, { start: 0, end: bytes.length }).map(({ key, start, end }) =>
    [key, decodeUtf8(bytes.subarray(start, end))] as const
  );
}
