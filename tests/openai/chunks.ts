/** Events of made-up completion streams, written in various ways. @module */
import { decodeUtf8 } from "../../lib/base/mod.ts";
import type { CompletionChunk, CompletionEvent } from "../../lib/openai/mod.ts";
import { assert } from "../support/assert.ts";
import { bytesOf } from "./support.ts";

/** What one chunk of a made-up stream says. */
export interface Said {
  readonly text: string;
  readonly model?: string;
  readonly finish?: string;
  readonly stop?: unknown;
  readonly logprobs?: unknown;
  readonly tokenIds?: readonly number[];
  readonly promptIds?: readonly number[];
  readonly usage?: unknown;
  readonly extra?: unknown;
}

/** How a stream's JSON is written. */
export interface Style {
  /** Choices before the other members, the text before or behind its neighbours. */
  readonly textFirst: boolean;
  readonly choicesFirst: boolean;
  readonly colon: string;
  readonly comma: string;
  /** Characters beyond ASCII as escapes. */
  readonly ascii: boolean;
}

const COMPACT: Style = {
  textFirst: false,
  choicesFirst: false,
  colon: ":",
  comma: ",",
  ascii: false,
};

function write(value: unknown, style: Style): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => write(item, style)).join(style.comma)}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
      .map(([key, member]) => write(key, style) + style.colon + write(member, style));
    return `{${members.join(style.comma)}}`;
  }
  const text = JSON.stringify(value);
  return !style.ascii ? text : text.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One event's data, with all the fields vLLM writes. */
export function eventOf(said: Said, style: Style = COMPACT): Uint8Array {
  const around = {
    logprobs: said.logprobs ?? null,
    finish_reason: said.finish ?? null,
    stop_reason: said.stop ?? null,
    prompt_token_ids: said.promptIds ?? null,
    token_ids: said.tokenIds ?? null,
  };
  const choice = style.textFirst
    ? { text: said.text, index: 0, ...around }
    : { index: 0, ...around, text: said.text };
  const envelope = {
    id: "cmpl-1",
    object: "text_completion",
    created: 7,
    model: said.model ?? "m",
    extra: said.extra,
    usage: said.usage,
  };
  const value = style.choicesFirst
    ? { choices: [choice], ...envelope }
    : { ...envelope, choices: [choice] };
  return bytesOf(write(value, style));
}

/** The chunk that an event must be. */
export function chunkIn(event: CompletionEvent): CompletionChunk {
  assert(event.kind === "chunk", `${event.kind}: ${JSON.stringify(event)}`);
  return event.chunk;
}

/** The text of an event that must be a chunk or text. */
export function textIn(event: CompletionEvent): string {
  if (event.kind !== "text") return chunkIn(event).text;
  const text: unknown = JSON.parse(`"${decodeUtf8(event.rawText)}"`);
  assert(typeof text === "string");
  return text;
}

/** Token accounting of a chunk. */
export const USAGE = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
