/**
 * Reads the stream of `/v1/completions`, one event's data at a time.
 *
 * Nearly all events of a stream differ in their text alone, so after the first one the reader
 * compares bytes and hands the text on as raw JSON, without parsing.
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (`CompletionStreamResponse`).
 * @module
 */
import {
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  indexOfBytes,
  QUOTE,
  recordOf,
  shortCopy,
  type Sliced,
  SPACE,
} from "../base/mod.ts";
import { isDone } from "../sse/mod.ts";
import { skipString } from "./json_scan.ts";
import { type Aside, asideOf, putBack, setAside } from "./set_aside.ts";
import { type Template, textBetween } from "./template.ts";
import { asUsage, type Usage } from "./usage.ts";

/** One parsed chunk; `envelope` and `choice` keep every field, known or not. */
export interface CompletionChunk {
  /** All top-level members but `choices` and `usage`. */
  readonly envelope: Readonly<Record<string, unknown>>;
  /** The only choice without its text; undefined in the usage chunk. */
  readonly choice: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  /** The inside of the text's JSON string, where it is too large to be parsed: `text` is empty. */
  readonly rawText?: Uint8Array;
  readonly finishReason: string | undefined;
  readonly tokenIds: readonly number[];
  readonly usage: Usage | undefined;
}

/** What one event means. */
export type CompletionEvent =
  /**
   * As a chunk that came before, but for the text: `rawText` is the inside of its JSON string, of
   * which only the end has been looked for.
   */
  | { readonly kind: "text"; readonly rawText: Uint8Array }
  | { readonly kind: "chunk"; readonly chunk: CompletionChunk }
  | { readonly kind: "error"; readonly error: unknown }
  | { readonly kind: "done" }
  | { readonly kind: "malformed"; readonly problem: string };

const TEXT_KEY = encodeUtf8('"text":');

/** What a large event means, and its data without what is large in it and of no use. */
export interface LargeEvent {
  readonly event: CompletionEvent;
  readonly data: Uint8Array;
}

/**
 * Most bytes that a large event may have beside its text and the ids of its prompt: more than the
 * log-probabilities of all tokens of many seconds.
 */
const MAX_PARSED_BYTES = 1024 * 1024;

/** Reads the events of one stream of one choice. */
export class CompletionChunkReader {
  #template: Template | undefined;
  #learn: boolean;

  /** With `parseAll`, every event is parsed, for callers that need more than the text. */
  constructor(options: { readonly parseAll?: boolean } = {}) {
    this.#learn = options.parseAll !== true;
  }

  /** From here on hand unchanged events over as `text`. */
  allowText(): void {
    this.#learn = true;
  }

  /** What an event's data means; total: never throws. */
  read(data: Uint8Array): CompletionEvent {
    if (this.#template !== undefined) {
      const rawText = textBetween(this.#template, data);
      if (rawText !== undefined) return { kind: "text", rawText };
    }
    if (isDone(data)) return { kind: "done" };
    let value: unknown;
    try {
      value = JSON.parse(decodeUtf8(data));
    } catch (error) {
      return invalidJson(error);
    }
    const event = completionEvent(value);
    if (this.#learn && event.kind === "chunk" && isPlain(event.chunk)) {
      this.#template = learnTemplate(data, value);
    }
    return event;
  }

  /**
   * As `read`, of an event of more than `SMALL_JSON_BYTES`. The ids of its prompt, which are at hand,
   * are left out; its text is handed on as it stands.
   */
  *readLarge(data: Uint8Array): Sliced<LargeEvent> {
    try {
      const { rest, aside } = yield* setAside(data);
      return readParted(rest, aside);
    } catch (error) {
      if (error instanceof SyntaxError) return { event: invalidJson(error), data };
      throw error;
    }
  }
}

function invalidJson(error: unknown): CompletionEvent {
  return { kind: "malformed", problem: `invalid JSON in an event: ${String(error)}` };
}

const EMPTY_STRING = encodeUtf8('""');
const NULL = encodeUtf8("null");

function readParted(rest: Uint8Array, aside: readonly Aside[]): LargeEvent {
  const small = completionEvent(JSON.parse(decodeUtf8(rest)));
  const text = small.kind === "chunk" ? asideOf(small.chunk.text, aside) : undefined;
  const parsed = aside.map((one) => {
    if (one === text) return { ...one, value: EMPTY_STRING };
    return one.key === "prompt_token_ids" ? { ...one, value: NULL } : one;
  });
  const size = parsed.reduce((sum, { value }) => sum + value.length, rest.length);
  if (size > MAX_PARSED_BYTES) {
    const [largest] = parsed.toSorted((one, two) => two.value.length - one.value.length);
    const problem = `an event whose '${largest?.key}' is beyond ${MAX_PARSED_BYTES} bytes`;
    return { event: { kind: "malformed", problem }, data: rest };
  }
  const data = concatBytes(putBack([rest], parsed));
  const event = completionEvent(JSON.parse(decodeUtf8(data)));
  const rawText = text === undefined ? undefined : insideOf(text.value);
  if (event.kind !== "chunk" || rawText === undefined) return { event, data };
  return { event: { kind: "chunk", chunk: { ...event.chunk, rawText } }, data };
}

/** The inside of the JSON string that `value` is; undefined when it is none. */
function insideOf(value: Uint8Array): Uint8Array | undefined {
  return value[0] === QUOTE && value.at(-1) === QUOTE ? value.subarray(1, -1) : undefined;
}

/** A parsed event's data as what it means; total. */
export function completionEvent(value: unknown): CompletionEvent {
  const event = recordOf(value);
  if (event === undefined) return { kind: "malformed", problem: "an event is no object" };
  const { choices, usage, ...envelope } = event;
  if (envelope["error"] !== undefined && envelope["error"] !== null) {
    return { kind: "error", error: envelope["error"] };
  }
  if (!Array.isArray(choices)) return { kind: "malformed", problem: "an event has no choices" };
  if (choices.length > 1) return { kind: "malformed", problem: "an event has several choices" };
  if (choices.length === 0) {
    const chunk = { envelope, choice: undefined, text: "", finishReason: undefined, tokenIds: [] };
    return { kind: "chunk", chunk: { ...chunk, usage: asUsage(usage) } };
  }
  const first = recordOf(choices[0]);
  if (first === undefined) return { kind: "malformed", problem: "a choice is no object" };
  const { text, ...choice } = first;
  const finish = choice["finish_reason"];
  const ids = choice["token_ids"];
  return {
    kind: "chunk",
    chunk: {
      envelope,
      choice,
      text: typeof text === "string" ? text : "",
      finishReason: typeof finish === "string" ? finish : undefined,
      tokenIds: Array.isArray(ids) ? ids.filter((id) => typeof id === "number") : [],
      usage: asUsage(usage),
    },
  };
}

/**
 * Whether a chunk carries text and nothing else, so that others like it need no parsing. With empty
 * text, some other empty field could be taken for it.
 */
function isPlain(chunk: CompletionChunk): boolean {
  return chunk.choice !== undefined && chunk.finishReason === undefined && chunk.text !== "" &&
    chunk.usage === undefined && chunk.tokenIds.length === 0 &&
    (chunk.choice["logprobs"] ?? undefined) === undefined &&
    (chunk.choice["prompt_token_ids"] ?? undefined) === undefined;
}

/** The bytes around the text, if taking it out leaves exactly the same chunk with empty text. */
function learnTemplate(data: Uint8Array, value: unknown): Template | undefined {
  for (let at = indexOfBytes(data, TEXT_KEY); at >= 0; at = indexOfBytes(data, TEXT_KEY, at + 1)) {
    let quote = at + TEXT_KEY.length;
    if (data[quote] === SPACE) quote++;
    if (data[quote] !== QUOTE) continue;
    const end = skipString(data, quote);
    // Copies: the event is a view of a buffer that is filled again.
    const template = {
      before: shortCopy(data.subarray(0, quote + 1)),
      after: shortCopy(data.subarray(end - 1)),
    };
    const emptied: unknown = JSON.parse(
      decodeUtf8(concatBytes([template.before, template.after])),
    );
    if (JSON.stringify(emptied) === JSON.stringify(withoutText(value))) return template;
  }
  return undefined;
}

function withoutText(value: unknown): unknown {
  const chunk = value as { choices: Record<string, unknown>[] };
  return { ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, text: "" })) };
}
