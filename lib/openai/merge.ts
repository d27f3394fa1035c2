/**
 * Answers to single prompts put together into the answer to a list of them. Pure.
 *
 * Only the fields that must change are rewritten, by splicing: everything else of a choice stays
 * byte for byte, known or not.
 * Source: vLLM `vllm/entrypoints/openai/completion/serving.py` (`choice_idx = i + prompt_idx * n`,
 * usage summed over the prompts).
 * @module
 */
import {
  atOnce,
  type ByteParts,
  CLOSE_BRACKET,
  COMMA,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  OPEN_BRACKET,
  recordOf,
  RouterError,
  type Sliced,
  STEP_BYTES,
} from "../base/mod.ts";
import { JsonObject } from "./json_object.ts";
import { scanArray } from "./json_scan.ts";
import { type Aside, putBack, setAside, SMALL_JSON_BYTES } from "./set_aside.ts";
import { asUsage, type Usage } from "./usage.ts";

/** What the merged answer has in the place of each single one's own. */
export interface MergedIdentity {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
}

/** The members that make an answer or a chunk part of the merged one. */
export function identityMembers({ id, created }: MergedIdentity): Readonly<Record<string, string>> {
  return { id: JSON.stringify(id), created: String(created) };
}

/**
 * The sum over `parts`; undefined unless each is there. Fields other than the counts are those of
 * the first; `cached_tokens` is summed where any has it.
 */
export function mergeUsage(parts: readonly (Usage | undefined)[]): Usage | undefined {
  const known = parts.filter((usage) => usage !== undefined);
  const [first] = known;
  if (first === undefined || known.length < parts.length) return undefined;
  const sum = (
    key: "prompt_tokens" | "completion_tokens" | "total_tokens",
  ): number => known.reduce((total, usage) => total + usage[key], 0);
  const cached = known.map(cachedTokensOf).filter((count) => count !== undefined);
  const details = detailsOf(first) ?? {};
  return {
    ...first,
    prompt_tokens: sum("prompt_tokens"),
    completion_tokens: sum("completion_tokens"),
    total_tokens: sum("total_tokens"),
    ...(cached.length === 0 ? {} : {
      prompt_tokens_details: {
        ...details,
        cached_tokens: cached.reduce((total, count) => total + count, 0),
      },
    }),
  };
}

function detailsOf(usage: Usage): Readonly<Record<string, unknown>> | undefined {
  return recordOf(usage.prompt_tokens_details);
}

function cachedTokensOf(usage: Usage): number | undefined {
  const cached = detailsOf(usage)?.["cached_tokens"];
  return typeof cached === "number" ? cached : undefined;
}

/** Choices with the indexes they have in the merged answer, as JSON text. */
export interface IndexedChoice {
  readonly index: number;
  readonly json: Uint8Array;
}

/**
 * The choices of the answer (or chunk) `body` to the prompt at `promptIndex`, re-indexed as
 * `promptIndex * n + index`; in the order they stand in. Throws `upstream-protocol` when there
 * are none where they should be.
 */
export function indexedChoices(
  body: JsonObject,
  promptIndex: number,
  n: number,
): readonly IndexedChoice[] {
  const member = body.member("choices");
  if (member === undefined || body.bytes[member.start] !== OPEN_BRACKET) {
    throw unmergeable("has no list of choices");
  }
  return scanArray(body.bytes, member).map((span, position) => {
    const choice = objectAt(body.bytes.subarray(span.start, span.end));
    const index = promptIndex * n + ownIndex(choice, position);
    return { index, json: concatBytes(choice.edited({ set: { index: String(index) } })) };
  });
}

function objectAt(bytes: Uint8Array): JsonObject {
  try {
    return new JsonObject(bytes);
  } catch (cause) {
    throw unmergeable("has a choice that is no object", cause);
  }
}

function ownIndex(choice: JsonObject, position: number): number {
  const raw = choice.raw("index");
  const index = raw === undefined ? position : Number(decodeUtf8(raw));
  if (!Number.isSafeInteger(index) || index < 0) throw unmergeable("has a choice without an index");
  return index;
}

/** `usage` of an answer or a chunk; undefined when there is none. Throws `upstream-protocol`. */
export function usageOf(body: JsonObject): Usage | undefined {
  try {
    return asUsage(body.value("usage"));
  } catch (cause) {
    throw unmergeable("has a malformed usage", cause);
  }
}

/** An engine's answer of one prompt does not fit together with the others. */
function unmergeable(what: string, cause?: unknown): RouterError {
  return new RouterError("upstream-protocol", `An engine's answer to one prompt ${what}`, {
    cause,
  });
}

/** As `merging`, at once and as one. */
export function mergeWhole(
  parts: readonly Uint8Array[],
  identity: MergedIdentity,
  n: number,
): Uint8Array {
  return concatBytes(atOnce(merging(parts, identity, n)));
}

/**
 * One whole answer out of whole answers to single prompts, in the prompts' order; at least one.
 * Top-level fields other than those concerned are the first one's. What is large in an answer is
 * neither parsed nor copied.
 * Throws `upstream-protocol` when a part is no completion.
 */
export function* merging(
  parts: readonly Uint8Array[],
  identity: MergedIdentity,
  n: number,
): Sliced<ByteParts> {
  let first: WholePart | undefined;
  const choices: { readonly index: number; readonly json: ByteParts }[] = [];
  const usages: (Usage | undefined)[] = [];
  let worked = 0;
  for (const [at, bytes] of parts.entries()) {
    worked += bytes.length;
    if (worked > STEP_BYTES) {
      yield;
      worked = 0;
    }
    const part = yield* wholePart(bytes);
    first ??= part;
    for (const { index, json } of indexedChoices(part.body, at, n)) {
      choices.push({ index, json: putBack([json], part.aside) });
    }
    usages.push(usageOf(part.body));
  }
  if (first === undefined) throw unmergeable("is missing");
  const usage = mergeUsage(usages);
  const kept = first.body.edited({
    remove: new Set(["usage", "choices"]),
    set: identityMembers(identity),
  });
  const sorted = choices.sort((one, other) => one.index - other.index).map(({ json }) => json);
  return [
    ...putBack(withoutBrace(kept), first.aside),
    encodeUtf8(',"choices":'),
    ...listOf(sorted),
    encodeUtf8(usage === undefined ? "}" : `,"usage":${JSON.stringify(usage)}}`),
  ];
}

/** The pieces of an object without its closing brace. */
function withoutBrace(object: ByteParts): ByteParts {
  return object.map((part, at) => at === object.length - 1 ? part.subarray(0, -1) : part);
}

/** An answer, parted where it is large. */
interface WholePart {
  readonly body: JsonObject;
  readonly aside: readonly Aside[];
}

function* wholePart(bytes: Uint8Array): Sliced<WholePart> {
  try {
    if (bytes.length <= SMALL_JSON_BYTES) return { body: new JsonObject(bytes), aside: [] };
    const { rest, aside } = yield* setAside(bytes);
    return { body: new JsonObject(rest), aside };
  } catch (cause) {
    if (cause instanceof SyntaxError) throw unmergeable("is not a JSON object", cause);
    throw cause;
  }
}

const LIST_START = Uint8Array.of(OPEN_BRACKET);
const SEPARATOR = Uint8Array.of(COMMA);
const LIST_END = Uint8Array.of(CLOSE_BRACKET);

/** A JSON list of elements given as JSON text, each in pieces. */
export function listOf(elements: readonly ByteParts[]): ByteParts {
  const separated = elements.flatMap((element, at) => at === 0 ? element : [SEPARATOR, ...element]);
  return [LIST_START, ...separated, LIST_END];
}
