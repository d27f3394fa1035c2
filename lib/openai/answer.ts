/**
 * Builds the one answer a client sees from the first token and the decode engine's completion
 * chunks: completions or chat, streamed or whole. The only place that knows both forms.
 *
 * Source: vLLM `vllm/entrypoints/openai/{completion,chat_completion}/protocol.py`.
 * @module
 */
import { concatBytes, encodeUtf8 } from "../base/mod.ts";
import type { CompletionChunk } from "./completion_chunk.ts";
import type { Usage } from "./usage.ts";

/** Which endpoint's form an answer has. */
export type AnswerForm = "completions" | "chat";

/** What stays the same over a whole answer. */
export interface AnswerIdentity {
  readonly form: AnswerForm;
  /** `cmpl-…` or `chatcmpl-…`; borne by every chunk. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
}

/** How an answer ended. */
export interface AnswerEnd {
  readonly finishReason: string;
  /** The matched stop string or token id; null for none, EOS included. */
  readonly stopReason: unknown;
  /** Of the whole answer. */
  readonly usage: Usage | undefined;
  /** Of the last chunk, when each chunk reports usage. */
  readonly chunkUsage?: Usage | undefined;
}

/** Takes the parts of one answer in order. Text is the inside of a JSON string, as raw bytes. */
export interface AnswerWriter {
  /** The answer begins; before any text. */
  begin(): void;
  /** Text of a chunk that carries nothing else. `usage` only when each chunk reports it. */
  text(rawText: Uint8Array, usage?: Usage): void;
  /** The last chunk's text and how it ended. */
  end(rawText: Uint8Array, end: AnswerEnd): void;
  /** Use the decode engine's extra fields for what follows. */
  adopt(chunk: CompletionChunk): void;
  /** Bytes for the client since the last call; undefined for none. */
  take(): Uint8Array | undefined;
}

/** The inside of `text` as a JSON string. */
export function rawJsonText(text: string): Uint8Array {
  return encodeUtf8(JSON.stringify(text).slice(1, -1));
}

interface Template {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

const OBJECT_NAMES = {
  completions: { stream: "text_completion", whole: "text_completion" },
  chat: { stream: "chat.completion.chunk", whole: "chat.completion" },
} as const;

/**
 * JSON of `envelope` with one choice whose text is to be put between `before` and `after`.
 * Built around the text rather than searched for it, so nothing in the values can imitate it.
 */
function textTemplate(
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

/** `choice` with null for its token ids: those belong to one chunk, not to the ones that follow. */
function withoutIds(choice: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return {
    ...choice,
    ...("token_ids" in choice ? { token_ids: null } : {}),
    ...("prompt_token_ids" in choice ? { prompt_token_ids: null } : {}),
  };
}

/** Bytes gathered for one write. */
class OutBuffer {
  #bytes = new Uint8Array(4096);
  #length = 0;

  add(part: Uint8Array): void {
    const needed = this.#length + part.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = needed;
  }

  take(): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

const EVENT_START = encodeUtf8("data: ");
const EVENT_END = encodeUtf8("\n\n");
const DONE_EVENT = encodeUtf8("data: [DONE]\n\n");

/** Writes an answer as server-sent events. */
export class StreamWriter implements AnswerWriter {
  readonly #identity: AnswerIdentity;
  readonly #includeUsage: boolean;
  readonly #out = new OutBuffer();
  #envelope: Readonly<Record<string, unknown>>;
  #choice: Readonly<Record<string, unknown>> = {};
  #template: Template | undefined;

  constructor(identity: AnswerIdentity, options: { readonly includeUsage: boolean }) {
    this.#identity = identity;
    this.#includeUsage = options.includeUsage;
    this.#envelope = this.#ownEnvelope();
  }

  begin(): void {
    if (this.#identity.form !== "chat") return;
    this.#event({
      ...this.#envelope,
      choices: [{
        index: 0,
        delta: { role: "assistant", content: "" },
        logprobs: null,
        finish_reason: null,
      }],
    });
  }

  text(rawText: Uint8Array, usage?: Usage): void {
    if (usage !== undefined) {
      this.#write(this.#templateFor({ finish_reason: null }, usage), rawText);
      return;
    }
    this.#template ??= this.#templateFor({ finish_reason: null });
    this.#write(this.#template, rawText);
  }

  end(rawText: Uint8Array, end: AnswerEnd): void {
    const choice = { finish_reason: end.finishReason, stop_reason: end.stopReason };
    this.#write(this.#templateFor(choice, end.chunkUsage), rawText);
    if (this.#includeUsage && end.usage !== undefined) {
      this.#event({ ...this.#envelope, choices: [], usage: end.usage });
    }
    this.#out.add(DONE_EVENT);
  }

  adopt(chunk: CompletionChunk): void {
    this.#envelope = { ...chunk.envelope, ...this.#ownEnvelope() };
    if (chunk.choice !== undefined && this.#identity.form === "completions") {
      const { index: _index, finish_reason: _finish, stop_reason: _stop, ...kept } = chunk.choice;
      this.#choice = withoutIds(kept);
    }
    this.#template = undefined;
  }

  /** A failure after the first byte: one error event, no `[DONE]`. */
  fail(body: unknown): void {
    this.#event(body);
  }

  take(): Uint8Array | undefined {
    return this.#out.take();
  }

  #ownEnvelope(): Readonly<Record<string, unknown>> {
    const { form, id, created, model } = this.#identity;
    return { id, object: OBJECT_NAMES[form].stream, created, model };
  }

  #templateFor(choice: Readonly<Record<string, unknown>>, usage?: Usage): Template {
    const envelope = usage === undefined ? this.#envelope : { ...this.#envelope, usage };
    const full = { index: 0, logprobs: null, ...this.#choice, ...choice };
    return this.#identity.form === "chat"
      ? textTemplate(envelope, full, '"delta":{"content":', "}")
      : textTemplate(envelope, { stop_reason: null, ...full }, '"text":', "");
  }

  #write(template: Template, rawText: Uint8Array): void {
    this.#out.add(EVENT_START);
    this.#out.add(template.before);
    this.#out.add(rawText);
    this.#out.add(template.after);
    this.#out.add(EVENT_END);
  }

  #event(value: unknown): void {
    this.#out.add(EVENT_START);
    this.#out.add(encodeUtf8(JSON.stringify(value)));
    this.#out.add(EVENT_END);
  }
}

/** Gathers an answer and writes it as one JSON body at its end. */
export class WholeWriter implements AnswerWriter {
  readonly #identity: AnswerIdentity;
  readonly #base: Readonly<Record<string, unknown>>;
  readonly #text = new OutBuffer();
  #body: Uint8Array | undefined;

  /** `base`: the prefill engine's answer, whose unknown top-level fields are kept. */
  constructor(identity: AnswerIdentity, base: Readonly<Record<string, unknown>> = {}) {
    this.#identity = identity;
    this.#base = base;
  }

  begin(): void {}

  text(rawText: Uint8Array): void {
    this.#text.add(rawText);
  }

  end(rawText: Uint8Array, end: AnswerEnd): void {
    this.#text.add(rawText);
    const { form, id, created, model } = this.#identity;
    const { choices: _choices, usage: _usage, kv_transfer_params: _kv, ...kept } = this.#base;
    const envelope = { ...kept, id, object: OBJECT_NAMES[form].whole, created, model };
    const full = end.usage === undefined ? envelope : { ...envelope, usage: end.usage };
    const choice = {
      index: 0,
      logprobs: null,
      finish_reason: end.finishReason,
      stop_reason: end.stopReason,
    };
    const template = form === "chat"
      ? textTemplate(full, choice, '"message":{"role":"assistant","content":', "}")
      : textTemplate(full, choice, '"text":', "");
    this.#body = concatBytes([
      template.before,
      this.#text.take() ?? new Uint8Array(0),
      template.after,
    ]);
  }

  adopt(): void {}

  take(): Uint8Array | undefined {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }
}
