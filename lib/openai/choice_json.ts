/**
 * JSON of a chunk or an answer with one choice, built around text that is already JSON.
 * @module
 */
import { type ByteParts, encodeUtf8, shortUtf8 } from "../base/mod.ts";
import type { AnswerForm } from "./answer_form.ts";
import { chatLogprobsJson, completionLogprobsJson, type TokenLogprobs } from "./logprobs.ts";
import type { Template } from "./template.ts";

/** What a client may ask to be told of a chunk's tokens. */
export interface TokenDetails {
  readonly logprobs?: TokenLogprobs | undefined;
  readonly tokenIds?: readonly number[] | undefined;
}

/** How an answer comes. */
type AnswerKind = "stream" | "whole";

/** What stands around the text of a choice. */
const AROUND_TEXT = {
  completions: { stream: ['"text":', ""], whole: ['"text":', ""] },
  chat: {
    stream: ['"delta":{"content":', "}"],
    whole: ['"message":{"role":"assistant","content":', "}"],
  },
} as const satisfies Record<AnswerForm, Record<AnswerKind, readonly [string, string]>>;

/**
 * JSON of `envelope` with one choice whose text is to be put between `before` and `after`.
 * Built around the text rather than searched for it, so nothing in the values can imitate it.
 */
export function textTemplate(
  form: AnswerForm,
  kind: AnswerKind,
  envelope: Readonly<Record<string, unknown>>,
  choice: Readonly<Record<string, unknown>>,
): Template {
  const [opening, closing] = AROUND_TEXT[form][kind];
  const outer = JSON.stringify(envelope).slice(0, -1);
  const inner = JSON.stringify(choice).slice(1, -1);
  const separator = inner === "" ? "" : ",";
  return {
    before: shortUtf8(`${outer},"choices":[{${opening}"`),
    after: shortUtf8(`"${closing}${separator}${inner}}]}`),
  };
}

/** What of an answer its details depend on. */
interface AnswerShape {
  readonly form: AnswerForm;
  readonly topLogprobs?: number | undefined;
}

/** What a choice tells of its tokens, as members of its object; each begins with a comma. */
export interface RawDetails {
  readonly keys: readonly string[];
  readonly json: Uint8Array;
}

/** JSON of `details`. */
export function rawDetails(
  { form, topLogprobs = 0 }: AnswerShape,
  { logprobs, tokenIds }: TokenDetails,
): RawDetails {
  const keys: string[] = [];
  let json = "";
  if (logprobs !== undefined) {
    keys.push("logprobs");
    const value = form === "chat"
      ? chatLogprobsJson(logprobs, topLogprobs)
      : completionLogprobsJson(logprobs);
    json += `,"logprobs":${value}`;
  }
  if (tokenIds !== undefined) {
    keys.push("token_ids");
    json += `,"token_ids":[${tokenIds.join()}]`;
  }
  return { keys, json: shortUtf8(json) };
}

const PROMPT_IDS_KEY = encodeUtf8(',"prompt_token_ids":');

/** The prompt's ids as a member; none where they are undefined. */
export function promptIdsMember(promptIds: Uint8Array | undefined): ByteParts {
  return promptIds === undefined ? [] : [PROMPT_IDS_KEY, promptIds];
}

const OBJECT_END = encodeUtf8("}");
const CHOICE_END = encodeUtf8("}]}");
const CHOICES_END = encodeUtf8("}]");

/** The JSON of an object with `members` at its end, each of which begins with a comma. */
export function withMembers(object: Uint8Array, members: ByteParts): ByteParts {
  return [object.subarray(0, -OBJECT_END.length), ...members, OBJECT_END];
}

/** Members beside those of a template, each of which begins with a comma. */
export interface MoreMembers {
  readonly choice: ByteParts;
  readonly envelope?: ByteParts;
}

/** A `textTemplate` with its text, and with more members at the ends of its choice and of its envelope. */
export function filledTemplate(
  { before, after }: Template,
  rawText: Uint8Array,
  { choice, envelope = [] }: MoreMembers,
): ByteParts {
  const inner = after.subarray(0, -CHOICE_END.length);
  return [before, rawText, inner, ...choice, CHOICES_END, ...envelope, OBJECT_END];
}

/** Members that JSON leaves out, in the place of others of these names. */
export function leftOut(keys: readonly string[]): Readonly<Record<string, undefined>> {
  return Object.fromEntries(keys.map((key) => [key, undefined]));
}
