/**
 * JSON of a chunk or an answer with one choice, built around text that is already JSON.
 * @module
 */
import { encodeUtf8 } from "../base/mod.ts";
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
  return { keys, json: encodeUtf8(json) };
}

/** What stands before the list of the prompt's ids. */
export const PROMPT_IDS_KEY: Uint8Array = encodeUtf8(',"prompt_token_ids":');

/** The end of a `textTemplate`, before which members of its choice may be put. */
export const CHOICE_END: Uint8Array = encodeUtf8("}]}");

/** The end of an object, before which members may be put. */
export const OBJECT_END: Uint8Array = encodeUtf8("}");
