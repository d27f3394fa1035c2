/**
 * Reads the stream of `/v1/completions`, one event's data at a time.
 *
 * Nearly all events of a stream differ in their text alone, so after the first one the reader
 * compares bytes and hands the text on as raw JSON, without parsing.
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (`CompletionStreamResponse`).
 * @module
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from "../base/mod.ts";
import { skipString } from "./json_scan.ts";
import { asUsage, type Usage } from "./usage.ts";

/** One parsed chunk; `envelope` and `choice` keep every field, known or not. */
export interface CompletionChunk {
  /** All top-level members but `choices` and `usage`. */
  readonly envelope: Readonly<Record<string, unknown>>;
  /** The only choice without its text; undefined in the usage chunk. */
  readonly choice: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
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

interface Template {
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

const DONE = encodeUtf8("[DONE]");
const TEXT_KEY = encodeUtf8('"text":');

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
      const rawText = matchTemplate(this.#template, data);
      if (rawText !== undefined) return { kind: "text", rawText };
    }
    if (data.length === DONE.length && startsWith(data, DONE)) return { kind: "done" };
    let value: unknown;
    try {
      value = JSON.parse(decodeUtf8(data));
    } catch (error) {
      return { kind: "malformed", problem: `invalid JSON in an event: ${String(error)}` };
    }
    const event = completionEvent(value);
    if (this.#learn && event.kind === "chunk" && isPlain(event.chunk)) {
      this.#template = learnTemplate(data, value);
    }
    return event;
  }
}

/** A parsed event's data as what it means; total. */
export function completionEvent(value: unknown): CompletionEvent {
  if (typeof value !== "object" || value === null) {
    return { kind: "malformed", problem: "an event is no object" };
  }
  const { choices, usage, ...envelope } = value as Record<string, unknown>;
  if (envelope["error"] !== undefined && envelope["error"] !== null) {
    return { kind: "error", error: envelope["error"] };
  }
  if (!Array.isArray(choices)) return { kind: "malformed", problem: "an event has no choices" };
  if (choices.length > 1) return { kind: "malformed", problem: "an event has several choices" };
  const first: unknown = choices[0];
  if (first === undefined) {
    const chunk = { envelope, choice: undefined, text: "", finishReason: undefined, tokenIds: [] };
    return { kind: "chunk", chunk: { ...chunk, usage: asUsage(usage) } };
  }
  if (typeof first !== "object" || first === null) {
    return { kind: "malformed", problem: "a choice is no object" };
  }
  const { text, ...choice } = first as Record<string, unknown>;
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
  for (let at = find(data, TEXT_KEY, 0); at >= 0; at = find(data, TEXT_KEY, at + 1)) {
    let quote = at + TEXT_KEY.length;
    if (data[quote] === 0x20) quote++;
    if (data[quote] !== 0x22) continue;
    const end = skipString(data, quote);
    // Copies: the event is a view of a buffer that is filled again.
    const template = { prefix: data.slice(0, quote + 1), suffix: data.slice(end - 1) };
    const emptied: unknown = JSON.parse(
      decodeUtf8(concatBytes([template.prefix, template.suffix])),
    );
    if (JSON.stringify(emptied) === JSON.stringify(withoutText(value))) return template;
  }
  return undefined;
}

function withoutText(value: unknown): unknown {
  const chunk = value as { choices: Record<string, unknown>[] };
  return { ...chunk, choices: chunk.choices.map((choice) => ({ ...choice, text: "" })) };
}

function matchTemplate(template: Template, data: Uint8Array): Uint8Array | undefined {
  const { prefix, suffix } = template;
  const end = data.length - suffix.length;
  if (end < prefix.length || !startsWith(data, prefix)) return undefined;
  for (let index = 0; index < suffix.length; index++) {
    if (data[end + index] !== suffix[index]) return undefined;
  }
  // The prefix ends with the opening quote, the suffix begins with the closing one.
  try {
    return skipString(data, prefix.length - 1) === end + 1
      ? data.subarray(prefix.length, end)
      : undefined;
  } catch {
    return undefined; // No string ends where one should: the full parse will name the problem.
  }
}

function startsWith(data: Uint8Array, start: Uint8Array): boolean {
  for (let index = 0; index < start.length; index++) {
    if (data[index] !== start[index]) return false;
  }
  return true;
}

function find(data: Uint8Array, part: Uint8Array, from: number): number {
  const [first] = part;
  if (first === undefined) return -1;
  for (let at = data.indexOf(first, from); at >= 0; at = data.indexOf(first, at + 1)) {
    let index = 1;
    while (index < part.length && data[at + index] === part[index]) index++;
    if (index === part.length) return at;
  }
  return -1;
}
