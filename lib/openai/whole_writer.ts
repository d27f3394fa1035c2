/** An answer as one JSON body. @module */
import { GrowingBytes, recordOf } from "../base/mod.ts";
import type { AnswerEnd, AnswerIdentity, AnswerWriter } from "./answer.ts";
import { OBJECT_NAMES } from "./answer_form.ts";
import {
  filledTemplate,
  leftOut,
  promptIdsMember,
  textTemplate,
  type TokenDetails,
} from "./choice_json.ts";
import { OutBuffer } from "./out_buffer.ts";
import type { Template } from "./template.ts";
import type { Usage } from "./usage.ts";
import { WholeDetails } from "./whole_details.ts";

/** Most bytes of a whole answer's text: more than any that is read has. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** As many bytes of text are expected, about. */
const USUAL_TEXT_BYTES = 512;

/** Gathers an answer and writes it as one JSON body at its end. */
export class WholeWriter implements AnswerWriter {
  readonly #identity: AnswerIdentity;
  readonly #base: Readonly<Record<string, unknown>>;
  readonly #text = new GrowingBytes(MAX_TEXT_BYTES, USUAL_TEXT_BYTES);
  readonly #details: WholeDetails;
  readonly #body = new OutBuffer();
  #promptIds: Uint8Array | undefined;

  /** `base`: the prefill engine's answer, whose unknown top-level fields are kept. */
  constructor(identity: AnswerIdentity, base: Readonly<Record<string, unknown>> = {}) {
    this.#identity = identity;
    this.#base = base;
    this.#details = new WholeDetails(identity.form, identity.topLogprobs);
  }

  begin(promptIds?: Uint8Array): void {
    this.#promptIds = promptIds;
  }

  text(rawText: Uint8Array, _usage?: Usage, details?: TokenDetails): void {
    this.#text.append(rawText);
    if (details !== undefined) this.#details.add(details);
  }

  end(rawText: Uint8Array, end: AnswerEnd): void {
    this.text(rawText, undefined, end.details);
    const told = promptIdsMember(this.#promptIds);
    const details = this.#details.parts();
    const members = this.#identity.form === "chat"
      ? { choice: details, envelope: told }
      : { choice: [...details, ...told] };
    const parts = filledTemplate(this.#template(end), this.#text.view(), members);
    for (const part of parts) this.#body.add(part);
  }

  adopt(): void {}

  comment(): void {}

  take(): Uint8Array | undefined {
    return this.#body.take();
  }

  /** What stands around the text of an answer that ended so, but for what has members of its own. */
  #template(end: AnswerEnd): Template {
    const { form, id, created, model } = this.#identity;
    const { choices: _choices, usage: told, kv_transfer_params: _kv, ...kept } = this.#base;
    const own = this.#promptIds === undefined ? [] : ["prompt_token_ids"];
    const envelope = {
      ...kept,
      ...(form === "chat" ? leftOut(own) : {}),
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
      ...leftOut(this.#details.keys),
      ...(form === "chat" ? {} : leftOut(own)),
    };
    return textTemplate(form, "whole", full, choice);
  }
}

/** Members of `value` that are null. */
function nullsOf(value: unknown): Readonly<Record<string, unknown>> {
  const members = Object.entries(recordOf(value) ?? {});
  return Object.fromEntries(members.filter(([, member]) => member === null));
}
