/**
 * The prompt's token ids in an answer that tells them (`return_token_ids`): found by a search and
 * taken out as bytes, so that a list of thousands of ids is never parsed, nor scanned for structure.
 *
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (in the choice) and
 * `chat_completion/protocol.py` (top level).
 * @module
 */
import {
  atOnce,
  BACKSLASH,
  CLOSE_BRACKET,
  COLON,
  concatBytes,
  encodeUtf8,
  indexOfBytes,
  OPEN_BRACKET,
  skipSpace,
  type Sliced,
  STEP_BYTES,
} from "../base/mod.ts";
import { JsonObject } from "./json_object.ts";
import { JsonScanError, memberOf, scanArray, type Span } from "./json_scan.ts";

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

/** Largest answer without its prompt's ids, in bytes: it is of one token. */
const MAX_REST_BYTES = 4 * 1024 * 1024;

/** So many lists may stand under the key before the one that is looked for. */
const MAX_TRIES = 8;

/**
 * Part an answer of one choice from the ids of its prompt. Of the ids, only where they end has been
 * looked for. Throws `JsonScanError` when the rest is not one JSON object, or too large.
 */
export function splitPromptIds(answer: Uint8Array): SplitAnswer {
  return atOnce(splittingPromptIds(answer));
}

/** `splitPromptIds` in steps. */
export function* splittingPromptIds(answer: Uint8Array): Sliced<SplitAnswer> {
  let at = yield* findingList(answer, 0);
  for (let tries = 0; at >= 0 && tries < MAX_TRIES; tries++) {
    const end = answer.indexOf(CLOSE_BRACKET, at) + 1;
    if (end === 0) break;
    const size = answer.length - (end - at);
    if (size <= MAX_REST_BYTES) {
      const parts = [answer.subarray(0, at), NULL, answer.subarray(end)];
      const rest = yield* JsonObject.reading(concatBytes(parts));
      if (rest.member(KEY)?.start === at || inFirstChoice(rest)?.start === at) {
        return { promptIds: answer.subarray(at, end), rest };
      }
    }
    at = yield* findingList(answer, at + 1);
  }
  if (answer.length > MAX_REST_BYTES) {
    throw new JsonScanError(`More than ${MAX_REST_BYTES} bytes beside the prompt's ids`, 0);
  }
  return { promptIds: undefined, rest: yield* JsonObject.reading(answer) };
}

/**
 * Where the next list that is a value of the key begins; -1 for none. Within a string, the key's
 * first quote would follow a backslash, or its last would not be followed by a colon.
 */
function* findingList(bytes: Uint8Array, from: number): Sliced<number> {
  for (let start = from; start < bytes.length; start += STEP_BYTES) {
    if (start > from) yield;
    const window = bytes.subarray(0, start + STEP_BYTES + QUOTED_KEY.length - 1);
    const next = (at: number): number => indexOfBytes(window, QUOTED_KEY, at);
    for (let at = next(start); at >= 0; at = next(at + 1)) {
      if (bytes[at - 1] === BACKSLASH) continue;
      const colon = skipSpace(bytes, at + QUOTED_KEY.length);
      const value = skipSpace(bytes, colon + 1);
      if (bytes[colon] === COLON && bytes[value] === OPEN_BRACKET) return value;
    }
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
