/**
 * Text across the seam, when the first token ends inside a character.
 *
 * The prefill engine then has no text for it, and the decode engine, to which the token is prompt,
 * may lose the character, or say the whole prompt before it. The ids are certain, so the text is
 * taken from them until the decode engine's own text agrees with it again.
 * @module
 */
import type { CompletionChunk } from "../openai/mod.ts";

/** Text of a list of token ids; undefined when it cannot be had. */
export type TextOfIds = (ids: readonly number[]) => Promise<string | undefined>;

const REPLACEMENT = "\ufffd";

/** The token of an event that completed the first character. */
export interface CompletedCharacter {
  /** Its place among the event's tokens. */
  readonly at: number;
  readonly text: string;
}

/** What the first token's text is. */
export type FirstText =
  | { readonly kind: "whole"; readonly text: string }
  /** It ends inside a character: `joiner` makes the text with what follows. */
  | { readonly kind: "partial"; readonly joiner: TextJoiner }
  | { readonly kind: "unknown" };

/**
 * Makes the text of the first character out of the ids of its tokens. `/detokenize` writes special
 * tokens out, which an answer's text leaves out, so no more than needed is taken from it.
 */
export class TextJoiner {
  readonly #textOf: TextOfIds;
  readonly #context: readonly number[];
  readonly #base: string;
  readonly #ids: number[];
  /** The first character, once it is complete. */
  #first: string | undefined;
  #completed: CompletedCharacter | undefined;
  #done = false;

  /** `ids`: those of the character so far. */
  constructor(
    textOf: TextOfIds,
    context: readonly number[],
    base: string,
    ids: readonly number[],
  ) {
    this.#textOf = textOf;
    this.#context = context;
    this.#base = base;
    this.#ids = [...ids];
  }

  /** Set when the last event has completed the first character. */
  get completed(): CompletedCharacter | undefined {
    return this.#completed;
  }

  /** Whether the decode engine's own text may be used from here on. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * The text to send for `chunk`, which must carry its token ids; undefined when the text cannot
   * be had. An unfinished character is held back, for ever if the answer ends within it, as one
   * engine does.
   */
  async textFor(chunk: CompletionChunk): Promise<string | undefined> {
    // The token that ends an answer has no text of its own, but `/detokenize` would give it some.
    const endsWithToken = chunk.finishReason === "stop" && chunk.tokenIds.length > 0 &&
      typeof chunk.choice?.["stop_reason"] !== "string";
    const ids = endsWithToken ? chunk.tokenIds.slice(0, -1) : chunk.tokenIds;
    const before = this.#ids.length;
    this.#ids.push(...ids);
    this.#completed = undefined;
    // What the engine makes of bytes it has not seen the beginning of.
    const own = chunk.text.replace(/^\ufffd+/, "");
    if (this.#first !== undefined) return own === "" ? "" : await this.#resumed(this.#first, own);
    for (let count = before + 1; count <= this.#ids.length; count++) {
      const text = await this.#textUpTo(count);
      if (text === undefined) return undefined;
      if (text === "" || text.endsWith(REPLACEMENT)) continue;
      this.#first = text;
      this.#completed = { at: count - before - 1, text };
      return own === "" ? text : await this.#begun(text, own);
    }
    return "";
  }

  /** The text of an event that completes the first character, of which the engine says `own`. */
  async #begun(first: string, own: string): Promise<string | undefined> {
    const whole = await this.#textUpTo(this.#ids.length);
    if (whole === undefined) return undefined;
    this.#done = true;
    const settled = withoutPartial(whole);
    if (settled.endsWith(own)) return settled;
    if (saysPrompt(own, settled)) return behindPrompt(own, first, settled);
    return own.startsWith(first) ? own : first + own;
  }

  /** The engine's first text since `first` was sent: it may say that again. */
  async #resumed(first: string, own: string): Promise<string | undefined> {
    const whole = await this.#textUpTo(this.#ids.length);
    if (whole === undefined) return undefined;
    this.#done = true;
    const settled = withoutPartial(whole);
    const expected = settled.slice(first.length);
    if (saysPrompt(own, settled)) return behindPrompt(own, first, settled).slice(first.length);
    const again = own === first + expected ||
      (own.startsWith(first) && !expected.startsWith(first));
    return again ? own.slice(first.length) : own;
  }

  async #textUpTo(count: number): Promise<string | undefined> {
    const text = await this.#textOf([...this.#context, ...this.#ids.slice(0, count)]);
    return text === undefined ? undefined : afterBase(text, this.#base);
  }
}

/**
 * Whether an engine's text for ids that say `settled` has the prompt's text before it: vLLM's does
 * when the prompt ends inside a character, as its `DecodeStream` then has no text to begin behind.
 *
 * Source: vLLM `vllm/v1/engine/detokenizer.py` (`FastIncrementalDetokenizer`).
 */
function saysPrompt(own: string, settled: string): boolean {
  return own.length > settled.length;
}

/** The end of `own` that is `settled`, whole or without the special tokens written out in it. */
function behindPrompt(own: string, first: string, settled: string): string {
  for (let at = own.length - settled.length; at < own.length; at++) {
    const text = own.slice(at);
    if (text.startsWith(first) && isWithin(text, settled)) return text;
  }
  return settled;
}

/** Whether `text` is what is left of `whole` when parts of it are left out. */
function isWithin(text: string, whole: string): boolean {
  let at = 0;
  for (let from = 0; at < text.length && from < whole.length; from++) {
    if (text[at] === whole[from]) at++;
  }
  return at === text.length;
}

/** What `text` has behind `base`, the text of its first ids; all of it when it begins otherwise. */
export function afterBase(text: string, base: string): string {
  const settled = text.startsWith(base) ? base : withoutPartial(base);
  return text.startsWith(settled) ? text.slice(settled.length) : text;
}

/** `text` without the U+FFFD at its end that stand for an unfinished character. */
export function withoutPartial(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === REPLACEMENT) end--;
  return text.slice(0, end);
}

/**
 * The text of the first token, or of a character's ids with it at their end. `claimed` is what the
 * prefill engine says; it is trusted unless it is empty or ends in U+FFFD. When it is undefined,
 * nothing is claimed, and the ids alone tell. `context` are some of the ids before: some tokenizers
 * write a token differently at the beginning of a text.
 */
export async function firstText(
  claimed: string | undefined,
  ids: readonly number[],
  context: readonly number[],
  textOf: TextOfIds,
): Promise<FirstText> {
  if (claimed !== undefined && claimed !== "" && !claimed.endsWith(REPLACEMENT)) {
    return { kind: "whole", text: claimed };
  }
  const [base, joined] = await Promise.all([textOf(context), textOf([...context, ...ids])]);
  if (base === undefined || joined === undefined) return { kind: "unknown" };
  if (!joined.endsWith(REPLACEMENT)) {
    const text = claimed ?? afterBase(joined, base);
    return { kind: "whole", text };
  }
  return { kind: "partial", joiner: new TextJoiner(textOf, context, base, ids) };
}
