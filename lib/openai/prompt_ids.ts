/**
 * The prompt's token ids in an answer that tells them (`return_token_ids`): found by a search and
 * taken out as bytes, so that a list of thousands of ids is never parsed, nor scanned for structure.
 *
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (in the choice) and
 * `chat_completion/protocol.py` (top level).
 * @module
 */
import {
  BACKSLASH,
  CLOSE_BRACKET,
  COLON,
  concatBytes,
  encodeUtf8,
  indexOfBytes,
  OPEN_BRACKET,
  skipSpace,
} from "../base/mod.ts";
import { JsonObject } from "./json_object.ts";
import { memberOf, scanArray, type Span } from "./json_scan.ts";

/** An answer parted from its prompt's ids. */
export interface SplitAnswer {
  /** What stands between `[` and `]`, both included; undefined when the answer tells no ids. */
  readonly promptIds: Uint8Array | undefined;
  /** The answer with `null` in their place. */
  readonly rest: JsonObject;
}

const KEY = "prompt_token_ids";
const QUOTED_KEY = encodeUtf8(`"${KEY}"`);
const NULL = encodeUtf8("null");

/** Lists looked at: each costs a scan, and engines write one or two of that name. */
const MAX_TRIED = 4;

/**
 * Part an answer of one choice from the ids of its prompt. Of the ids, only where they end has been
 * looked for. Throws `JsonScanError` when the rest is not one JSON object.
 */
export function splitPromptIds(answer: Uint8Array): SplitAnswer {
  let tried = 0;
  for (
    let at = nextList(answer, 0);
    at >= 0 && tried < MAX_TRIED;
    at = nextList(answer, at + 1), tried++
  ) {
    const end = answer.indexOf(CLOSE_BRACKET, at) + 1;
    if (end === 0) break;
    const rest = new JsonObject(
      concatBytes([answer.subarray(0, at), NULL, answer.subarray(end)]),
    );
    if (rest.member(KEY)?.start === at || inFirstChoice(rest)?.start === at) {
      return { promptIds: answer.subarray(at, end), rest };
    }
  }
  return { promptIds: undefined, rest: new JsonObject(answer) };
}

/**
 * Where the next list that is a value of the key begins; -1 for none. Within a string, the key's
 * first quote would follow a backslash, or its last would not be followed by a colon.
 */
function nextList(bytes: Uint8Array, from: number): number {
  const next = (start: number): number => indexOfBytes(bytes, QUOTED_KEY, start);
  for (let at = next(from); at >= 0; at = next(at + 1)) {
    if (bytes[at - 1] === BACKSLASH) continue;
    const colon = skipSpace(bytes, at + QUOTED_KEY.length);
    const value = skipSpace(bytes, colon + 1);
    if (bytes[colon] === COLON && bytes[value] === OPEN_BRACKET) return value;
  }
  return -1;
}

function inFirstChoice(answer: JsonObject): Span | undefined {
  const { bytes } = answer;
  const choices = answer.member("choices");
  if (choices === undefined || bytes[choices.start] !== OPEN_BRACKET) return undefined;
  const [first] = scanArray(bytes, choices, 1);
  return first === undefined ? undefined : memberOf(bytes, first, KEY);
}
