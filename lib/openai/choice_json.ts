/**
 * JSON of a chunk or an answer with one choice, built around text that is already JSON.
 * @module
 */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";
import { chatLogprobsJson, completionLogprobsJson, type TokenLogprobs } from "./logprobs.ts";
import type { Template } from "./template.ts";

/** What a client may ask to be told of a chunk's tokens. */
export interface TokenDetails {
  readonly logprobs?: TokenLogprobs | undefined;
  readonly tokenIds?: readonly number[] | undefined;
}

/**
 * JSON of `envelope` with one choice whose text is to be put between `before` and `after`.
 * Built around the text rather than searched for it, so nothing in the values can imitate it.
 */
export function textTemplate(
  envelope: Readonly<Record<string, unknown>>,
  choice: Readonly<Record<string, unknown>>,
  opening: string,
  closing: string,
): Template {
  const outer = JSON.stringify(envelope).slice(0, -1);
  const inner = JSON.stringify(choice).slice(1, -1);
  const separator = inner === "" ? "" : ",";
  return {
    before: encodeUtf8(`${outer},"choices":[{${opening}"`),
    after: encodeUtf8(`"${closing}${separator}${inner}}]}`),
  };
}

/** What of an answer its details depend on. */
interface AnswerShape {
  readonly form: "completions" | "chat";
  readonly topLogprobs?: number | undefined;
}

/** What a choice tells of its tokens, as members of its object; each begins with a comma. */
export interface RawDetails {
  readonly keys: readonly string[];
  readonly json: Uint8Array;
}

/** JSON of `details`, and of the prompt's ids where a choice tells them. */
export function rawDetails(
  { form, topLogprobs = 0 }: AnswerShape,
  { logprobs, tokenIds }: TokenDetails,
  promptIds?: Uint8Array,
): RawDetails {
  const keys: string[] = [];
  const parts: Uint8Array[] = [];
  if (logprobs !== undefined) {
    const json = form === "chat"
      ? chatLogprobsJson(logprobs, topLogprobs)
      : completionLogprobsJson(logprobs);
    keys.push("logprobs");
    parts.push(encodeUtf8(`,"logprobs":${json}`));
  }
  if (tokenIds !== undefined) {
    keys.push("token_ids");
    parts.push(encodeUtf8(`,"token_ids":[${tokenIds.join()}]`));
  }
  if (promptIds !== undefined) {
    keys.push("prompt_token_ids");
    parts.push(PROMPT_IDS_KEY, promptIds);
  }
  return { keys, json: concatBytes(parts) };
}

/** What stands before the list of the prompt's ids. */
export const PROMPT_IDS_KEY: Uint8Array = encodeUtf8(',"prompt_token_ids":');

/** `template`, with `json` (members that begin with a comma) at the end of its choice. */
export function withMembers(template: Template, json: Uint8Array): Template {
  const end = template.after.length - CHOICE_END.length;
  return {
    before: template.before,
    after: concatBytes([template.after.subarray(0, end), json, CHOICE_END]),
  };
}

const CHOICE_END = encodeUtf8("}]}");

/** `json`, an object, with raw `member` (which begins with a comma) at its end. */
export function objectWith(json: Uint8Array, ...member: readonly Uint8Array[]): Uint8Array {
  return concatBytes([json.subarray(0, json.length - 1), ...member, OBJECT_END]);
}

const OBJECT_END = encodeUtf8("}");
