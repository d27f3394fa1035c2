/**
 * Builds the one answer a client sees from the first token and the decode engine's completion
 * chunks: completions or chat, streamed or whole.
 *
 * Source: vLLM `vllm/entrypoints/openai/{completion,chat_completion}/protocol.py`.
 * @module
 */
import { concatBytes, encodeUtf8, recordOf } from "../base/mod.ts";
import { DONE_EVENT, EVENT_END, EVENT_START } from "../sse/mod.ts";
import type { CompletionChunk } from "./completion_chunk.ts";
import {
  objectWith,
  PROMPT_IDS_KEY,
  type RawDetails,
  rawDetails,
  textTemplate,
  type TokenDetails,
  withMembers,
} from "./choice_json.ts";
import { joinedLogprobs, type TokenLogprobs } from "./logprobs.ts";
import type { Template } from "./template.ts";
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
  /** Alternatives per token in the chat form of log-probabilities; 0 when absent. */
  readonly topLogprobs?: number | undefined;
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
  /** Of the last chunk. */
  readonly details?: TokenDetails | undefined;
  /** Members that engines put into a stream's last chunk alone, such as `system_fingerprint`. */
  readonly extras?: Readonly<Record<string, unknown>> | undefined;
}

/** Takes the parts of one answer in order. Text is the inside of a JSON string, as raw bytes. */
export interface AnswerWriter {
  /**
   * The answer begins; before any text. `promptIds`: JSON of a list, for clients that ask. `usage`
   * only when each chunk reports it.
   */
  begin(promptIds?: Uint8Array, usage?: Usage): void;
  /** Text of a chunk that does not end the answer. `usage` only when each chunk reports it. */
  text(rawText: Uint8Array, usage?: Usage, details?: TokenDetails): void;
  /** The last chunk's text and how it ended. */
  end(rawText: Uint8Array, end: AnswerEnd): void;
  /** Use the decode engine's extra fields for what follows. */
  adopt(chunk: CompletionChunk): void;
  /** A comment line of the decode engine's stream, without its line end. */
  comment(line: Uint8Array): void;
  /** Bytes for the client since the last call; undefined for none. */
  take(): Uint8Array | undefined;
}

/** The inside of `text` as a JSON string. */
export function rawJsonText(text: string): Uint8Array {
  return encodeUtf8(JSON.stringify(text).slice(1, -1));
}

const OBJECT_NAMES = {
  completions: { stream: "text_completion", whole: "text_completion" },
  chat: { stream: "chat.completion.chunk", whole: "chat.completion" },
} as const;

/** `choice` with null for what belongs to one chunk, not to the ones that follow. */
function withoutDetails(
  choice: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return {
    ...choice,
    ...("logprobs" in choice ? { logprobs: null } : {}),
    ...("token_ids" in choice ? { token_ids: null } : {}),
    ...("prompt_token_ids" in choice ? { prompt_token_ids: null } : {}),
  };
}

/** Members of `value` that are null. */
function nullsOf(value: unknown): Readonly<Record<string, unknown>> {
  const members = Object.entries(recordOf(value) ?? {});
  return Object.fromEntries(members.filter(([, member]) => member === null));
}

/** `value` without members that are null, at any depth: streams leave them out. */
function withoutNulls(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== null).map(([key, member]) => [
      key,
      typeof member === "object" && !Array.isArray(member) ? withoutNulls(member) : member,
    ]),
  );
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

/** Writes an answer as server-sent events. */
export class StreamWriter implements AnswerWriter {
  readonly #identity: AnswerIdentity;
  readonly #includeUsage: boolean;
  readonly #out = new OutBuffer();
  #envelope: Readonly<Record<string, unknown>>;
  #choice: Readonly<Record<string, unknown>> = {};
  #template: Template | undefined;
  /** Of a completion, until its first chunk has told them. */
  #promptIds: Uint8Array | undefined;

  constructor(identity: AnswerIdentity, options: { readonly includeUsage: boolean }) {
    this.#identity = identity;
    this.#includeUsage = options.includeUsage;
    this.#envelope = this.#ownEnvelope();
  }

  begin(promptIds?: Uint8Array, usage?: Usage): void {
    if (this.#identity.form !== "chat") {
      this.#promptIds = promptIds;
      return;
    }
    const chunk = encodeUtf8(JSON.stringify({
      ...this.#envelope,
      choices: [{
        index: 0,
        delta: { role: "assistant", content: "" },
        logprobs: null,
        finish_reason: null,
      }],
      ...(usage === undefined ? {} : { usage: withoutNulls(usage) }),
    }));
    this.#rawEvent(
      promptIds === undefined ? chunk : objectWith(chunk, PROMPT_IDS_KEY, promptIds),
    );
  }

  text(rawText: Uint8Array, usage?: Usage, details?: TokenDetails): void {
    if (details !== undefined) {
      this.#write(this.#detailed({ finish_reason: null }, usage, details), rawText);
      return;
    }
    if (usage !== undefined) {
      this.#write(this.#templateFor({ finish_reason: null }, usage), rawText);
      return;
    }
    this.#template ??= this.#templateFor({ finish_reason: null });
    this.#write(this.#template, rawText);
  }

  end(rawText: Uint8Array, end: AnswerEnd): void {
    const choice = { finish_reason: end.finishReason, stop_reason: end.stopReason };
    const usage = this.#includeUsage ? end.usage : undefined;
    const plain = this.#envelope;
    if (usage === undefined) this.#envelope = { ...plain, ...end.extras };
    const template = end.details === undefined
      ? this.#templateFor(choice, end.chunkUsage)
      : this.#detailed(choice, end.chunkUsage, end.details);
    this.#write(template, rawText);
    if (usage !== undefined) {
      this.#event({ ...plain, choices: [], usage: withoutNulls(usage), ...end.extras });
    }
    this.#out.add(DONE_EVENT);
  }

  adopt(chunk: CompletionChunk): void {
    this.#envelope = { ...chunk.envelope, ...this.#ownEnvelope() };
    if (chunk.choice !== undefined && this.#identity.form === "completions") {
      const { index: _index, finish_reason: _finish, stop_reason: _stop, ...kept } = chunk.choice;
      this.#choice = withoutDetails(kept);
    }
    this.#template = undefined;
  }

  comment(line: Uint8Array): void {
    this.#out.add(line);
    this.#out.add(EVENT_END);
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
    const envelope = usage === undefined
      ? this.#envelope
      : { ...this.#envelope, usage: withoutNulls(usage) };
    const full = { index: 0, logprobs: null, ...this.#choice, ...choice };
    return this.#identity.form === "chat"
      ? textTemplate(envelope, full, '"delta":{"content":', "}")
      : textTemplate(envelope, { stop_reason: null, ...full }, '"text":', "");
  }

  /** As `#templateFor`, with what the client asked to be told of the chunk's tokens. */
  #detailed(
    choice: Readonly<Record<string, unknown>>,
    usage: Usage | undefined,
    details: TokenDetails,
  ): Template {
    const raw = rawDetails(this.#identity, details, this.#promptIds);
    this.#promptIds = undefined;
    const told = Object.fromEntries(raw.keys.map((key) => [key, undefined]));
    return withMembers(this.#templateFor({ ...choice, ...told }, usage), raw.json);
  }

  #write(template: Template, rawText: Uint8Array): void {
    this.#out.add(EVENT_START);
    this.#out.add(template.before);
    this.#out.add(rawText);
    this.#out.add(template.after);
    this.#out.add(EVENT_END);
  }

  #event(value: unknown): void {
    this.#rawEvent(encodeUtf8(JSON.stringify(value)));
  }

  #rawEvent(json: Uint8Array): void {
    this.#out.add(EVENT_START);
    this.#out.add(json);
    this.#out.add(EVENT_END);
  }
}

/** Gathers an answer and writes it as one JSON body at its end. */
export class WholeWriter implements AnswerWriter {
  readonly #identity: AnswerIdentity;
  readonly #base: Readonly<Record<string, unknown>>;
  readonly #text = new OutBuffer();
  readonly #logprobs: TokenLogprobs[] = [];
  #tokenIds: number[] | undefined;
  #promptIds: Uint8Array | undefined;
  #body: Uint8Array | undefined;

  /** `base`: the prefill engine's answer, whose unknown top-level fields are kept. */
  constructor(identity: AnswerIdentity, base: Readonly<Record<string, unknown>> = {}) {
    this.#identity = identity;
    this.#base = base;
  }

  begin(promptIds?: Uint8Array): void {
    this.#promptIds = promptIds;
  }

  text(rawText: Uint8Array, _usage?: Usage, details?: TokenDetails): void {
    this.#text.add(rawText);
    this.#note(details);
  }

  end(rawText: Uint8Array, end: AnswerEnd): void {
    this.#text.add(rawText);
    this.#note(end.details);
    const { form, id, created, model } = this.#identity;
    const { choices: _choices, usage: told, kv_transfer_params: _kv, ...kept } = this.#base;
    const promptIds = form === "chat" ? this.#promptIds : undefined;
    const envelope = {
      ...kept,
      ...(promptIds === undefined ? {} : { prompt_token_ids: undefined }),
      id,
      object: OBJECT_NAMES[form].whole,
      created,
      model,
    };
    const usage = end.usage && { ...nullsOf(told), ...end.usage };
    const full = usage === undefined ? envelope : { ...envelope, usage };
    const choice = {
      index: 0,
      logprobs: null,
      finish_reason: end.finishReason,
      stop_reason: end.stopReason,
    };
    const raw = this.#details();
    const detailed = Object.fromEntries(raw.keys.map((key) => [key, undefined]));
    const plain = form === "chat"
      ? textTemplate(
        full,
        { ...choice, ...detailed },
        '"message":{"role":"assistant","content":',
        "}",
      )
      : textTemplate(full, { ...choice, ...detailed }, '"text":', "");
    const template = raw.keys.length === 0 ? plain : withMembers(plain, raw.json);
    const body = concatBytes([
      template.before,
      this.#text.take() ?? new Uint8Array(0),
      template.after,
    ]);
    this.#body = promptIds === undefined ? body : objectWith(body, PROMPT_IDS_KEY, promptIds);
  }

  #note(details: TokenDetails | undefined): void {
    if (details?.logprobs !== undefined) this.#logprobs.push(details.logprobs);
    if (details?.tokenIds !== undefined) (this.#tokenIds ??= []).push(...details.tokenIds);
  }

  /** Of the whole answer. */
  #details(): RawDetails {
    const logprobs = this.#logprobs.length === 0 ? undefined : joinedLogprobs(this.#logprobs);
    const promptIds = this.#identity.form === "chat" ? undefined : this.#promptIds;
    return rawDetails(this.#identity, { logprobs, tokenIds: this.#tokenIds }, promptIds);
  }

  adopt(): void {}

  comment(): void {}

  take(): Uint8Array | undefined {
    const body = this.#body;
    this.#body = undefined;
    return body;
  }
}
