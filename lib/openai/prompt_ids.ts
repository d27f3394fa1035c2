/**
 * The prompt's token ids in an answer that tells them (`return_token_ids`): taken out as bytes, so
 * that a prompt of thousands of tokens is never parsed.
 *
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (in the choice) and
 * `chat_completion/protocol.py` (top level).
 * @module
 */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";
import type { JsonObject } from "./json_object.ts";
import { membersOf, scanArray, type Span } from "./json_scan.ts";

/** An answer parted from its prompt's ids. */
export interface SplitAnswer {
  /** JSON text of the ids, from `[` to `]`; undefined when the answer tells none. */
  readonly promptIds: Uint8Array | undefined;
  /** The answer with `null` in their place. */
  readonly rest: Uint8Array;
}

const KEY = "prompt_token_ids";
const NULL = encodeUtf8("null");
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** Part `answer`, a whole answer of one choice, from the ids of its prompt. */
export function splitPromptIds(answer: JsonObject): SplitAnswer {
  const { bytes } = answer;
  const span = listAt(bytes, answer.member(KEY)) ?? listAt(bytes, inFirstChoice(answer));
  if (span === undefined) return { promptIds: undefined, rest: bytes };
  return {
    promptIds: bytes.subarray(span.start, span.end),
    rest: concatBytes([bytes.subarray(0, span.start), NULL, bytes.subarray(span.end)]),
  };
}

function listAt(bytes: Uint8Array, span: Span | undefined): Span | undefined {
  return span !== undefined && bytes[span.start] === OPEN_BRACKET ? span : undefined;
}

function inFirstChoice(answer: JsonObject): Span | undefined {
  const { bytes } = answer;
  const choices = listAt(bytes, answer.member("choices"));
  const first = choices === undefined ? undefined : scanArray(bytes, choices, 1)[0];
  if (first === undefined || bytes[first.start] !== OPEN_BRACE) return undefined;
  return membersOf(bytes, first).findLast((member) => member.key === KEY);
}
