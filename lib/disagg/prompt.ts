/** Where a request's prompt stands, and in which form. @module */
import {
  decodeUtf8,
  encodeUtf8,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  RouterError,
  type Sliced,
  SMALL_BYTES,
  STEP_BYTES,
  unlessMalformed,
} from "../base/mod.ts";
import { type JsonObject, JsonWalk, laxInt, tooMany } from "../openai/mod.ts";
import { countingIds } from "../tokenization/mod.ts";

/** One prompt in the body. `ids` are JSON text as it can be spliced into another list. */
export type OnePrompt =
  | { readonly kind: "text"; readonly raw: Uint8Array }
  | { readonly kind: "tokens"; readonly ids: Uint8Array; readonly count: number }
  | { readonly kind: "unusable" };

/** A prompt of a list, and its text in the body. */
export interface ListedPrompt {
  readonly raw: Uint8Array;
  readonly prompt: OnePrompt;
}

/** Where the prompt stands, and in which form. */
export type PromptSource =
  | { readonly kind: "messages" }
  | OnePrompt
  | {
    readonly kind: "several";
    /** In their order; or what is wrong with the list. */
    readonly list: readonly ListedPrompt[] | RouterError;
  };

/** Prompts that one request may have: the router sends a request for each. */
export const MAX_PROMPTS = 2048;

/** Ids that a prompt may have, more than any model's context. */
const MAX_IDS = 16 * 1024 * 1024;

const UNUSABLE = { kind: "unusable" } as const;

/** The prompt of a completion request, in steps. Throws `bad-request` for too many ids. */
export function* readingPrompt(body: JsonObject): Sliced<PromptSource> {
  const raw = body.raw("prompt");
  if (raw === undefined) return UNUSABLE;
  const one = yield* readingOne(raw);
  if (one.kind !== "unusable" || raw[0] !== OPEN_BRACKET) return one;
  const elements = yield* elementsOf(raw);
  const [first, second] = elements;
  if (first === undefined) return UNUSABLE;
  if (second === undefined) return yield* readingOne(first, true);
  if (![QUOTE, OPEN_BRACKET, OPEN_BRACE].includes(first[0] ?? 0)) return UNUSABLE;
  return { kind: "several", list: yield* readingList(elements) };
}

/** One text or list of ids, in steps; `nested` for one within a list. */
export function* readingOne(raw: Uint8Array, nested = false): Sliced<OnePrompt> {
  if (raw[0] === QUOTE) return raw.length > 2 ? { kind: "text", raw } : UNUSABLE;
  if (raw[0] !== OPEN_BRACKET) return UNUSABLE;
  const count = yield* countingIds(raw);
  if (count === undefined) return idsMeant(raw, nested) ?? UNUSABLE;
  if (count > MAX_IDS) throw tooMany("prompt", count, "token ids", MAX_IDS);
  return count === 0 ? UNUSABLE : { kind: "tokens", ids: raw, count };
}

/**
 * Ids that are written as something else, as engines take them: `[1.0, "2", true]`. A list of texts
 * alone is one of ids only within another, as it cannot be one of prompts there.
 */
function idsMeant(raw: Uint8Array, nested: boolean): OnePrompt | undefined {
  if (raw.length > SMALL_BYTES) return undefined;
  const values = unlessMalformed(() => JSON.parse(decodeUtf8(raw)) as unknown);
  if (!Array.isArray(values) || values.length === 0) return undefined;
  if (!nested && values.every((value) => typeof value === "string")) return undefined;
  const ids = values.map(laxInt);
  if (!ids.every((id) => id !== undefined && id >= 0)) return undefined;
  return { kind: "tokens", ids: encodeUtf8(JSON.stringify(ids)), count: ids.length };
}

/** The elements of the array that `raw` is, and one more than there may be of prompts at most. */
function* elementsOf(raw: Uint8Array): Sliced<readonly Uint8Array[]> {
  const walk = new JsonWalk(raw, 0, { root: OPEN_BRACKET, depth: 1, python: true });
  const elements: Uint8Array[] = [];
  while (elements.length <= MAX_PROMPTS) {
    const event = yield* walk.going();
    if (event === "value") elements.push(raw.subarray(walk.start, walk.at));
    else if (event !== "open") break;
  }
  return elements;
}

/**
 * The prompts of a list: texts, or lists of ids, as vLLM takes none of both
 * (`vllm/entrypoints/openai/completion/protocol.py`).
 */
function* readingList(
  elements: readonly Uint8Array[],
): Sliced<readonly ListedPrompt[] | RouterError> {
  if (elements.length > MAX_PROMPTS) {
    return refused(`holds more than ${MAX_PROMPTS} prompts: send them in several requests`);
  }
  const list: ListedPrompt[] = [];
  const byText = elements[0]?.[0] === QUOTE;
  let bytes = 0;
  for (const raw of elements) {
    bytes += raw.length;
    if (bytes > STEP_BYTES) {
      yield;
      bytes = 0;
    }
    const prompt = yield* readingOne(raw, true);
    const fits = byText ? raw[0] === QUOTE : prompt.kind === "tokens" || isEmptyList(raw);
    if (!fits) {
      return refused("must be text, token ids, a list of texts, or a list of lists of token ids");
    }
    list.push({ raw, prompt });
  }
  return list;
}

function isEmptyList(raw: Uint8Array): boolean {
  return raw[0] === OPEN_BRACKET && decodeUtf8(raw.subarray(1, 1 + STEP_BYTES)).trim() === "]";
}

function refused(what: string): RouterError {
  return new RouterError("bad-request", `Field 'prompt' ${what}`, { param: "prompt" });
}
