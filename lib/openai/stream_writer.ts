/** An answer as a stream of events. @module */
import { type ByteParts, shortUtf8 } from "../base/mod.ts";
import { DONE_EVENT, EVENT_END, EVENT_START } from "../sse/mod.ts";
import type { AnswerEnd, AnswerIdentity, AnswerWriter } from "./answer.ts";
import { OBJECT_NAMES } from "./answer_form.ts";
import {
  filledTemplate,
  leftOut,
  promptIdsMember,
  rawDetails,
  textTemplate,
  type TokenDetails,
  withMembers,
} from "./choice_json.ts";
import type { CompletionChunk } from "./completion_chunk.ts";
import { OutBuffer } from "./out_buffer.ts";
import type { Template } from "./template.ts";
import type { Usage } from "./usage.ts";

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
    const chunk = shortUtf8(JSON.stringify({
      ...this.#envelope,
      choices: [{
        index: 0,
        delta: { role: "assistant", content: "" },
        logprobs: null,
        finish_reason: null,
      }],
      ...(usage === undefined ? {} : { usage: withoutNulls(usage) }),
    }));
    this.#rawEvent(...withMembers(chunk, promptIdsMember(promptIds)));
  }

  text(rawText: Uint8Array, usage?: Usage, details?: TokenDetails): void {
    if (details !== undefined) {
      this.#detailed({ finish_reason: null }, usage, details, rawText);
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
    if (end.details === undefined) this.#write(this.#templateFor(choice, end.chunkUsage), rawText);
    else this.#detailed(choice, end.chunkUsage, end.details, rawText);
    if (usage !== undefined) {
      this.#event({ ...plain, choices: [], usage: withoutNulls(usage), ...end.extras });
    }
    this.#out.add(DONE_EVENT);
  }

  /** What goes behind a last chunk that somebody else has written. */
  close(usage: Usage | undefined): void {
    if (usage !== undefined && this.#includeUsage) {
      this.#event({ ...this.#envelope, choices: [], usage: withoutNulls(usage) });
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
    const { form } = this.#identity;
    const full = {
      ...(form === "chat" ? {} : { stop_reason: null }),
      index: 0,
      logprobs: null,
      ...this.#choice,
      ...choice,
    };
    return textTemplate(form, "stream", envelope, full);
  }

  /**
   * Write a chunk with what the client asked to be told of its tokens, the ids of the prompt with the
   * first one of a completion.
   */
  #detailed(
    choice: Readonly<Record<string, unknown>>,
    usage: Usage | undefined,
    details: TokenDetails,
    rawText: Uint8Array,
  ): void {
    const raw = rawDetails(this.#identity, details);
    const promptIds = this.#promptIds;
    this.#promptIds = undefined;
    const keys = promptIds === undefined ? raw.keys : [...raw.keys, "prompt_token_ids"];
    const template = this.#templateFor({ ...choice, ...leftOut(keys) }, usage);
    const members = [raw.json, ...promptIdsMember(promptIds)];
    this.#rawEvent(...filledTemplate(template, rawText, { choice: members }));
  }

  #write({ before, after }: Template, rawText: Uint8Array): void {
    this.#rawEvent(before, rawText, after);
  }

  #event(value: unknown): void {
    this.#rawEvent(shortUtf8(JSON.stringify(value)));
  }

  #rawEvent(...json: ByteParts): void {
    this.#out.add(EVENT_START);
    for (const part of json) this.#out.add(part);
    this.#out.add(EVENT_END);
  }
}

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

/** `value` without members that are null, at any depth: streams leave them out. */
function withoutNulls(value: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== null).map(([key, member]) => [
      key,
      typeof member === "object" && !Array.isArray(member) ? withoutNulls(member) : member,
    ]),
  );
}
