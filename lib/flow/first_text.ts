/**
 * Text across the seam, when the first token ends inside a character.
 *
 * The prefill engine then has no text for it, and the decode engine, to which the token is prompt,
 * may lose the character. The ids are certain, so the text is taken from them until the decode
 * engine's own text agrees with it again.
 * @module
 */
import type { CompletionChunk } from "../openai/mod.ts";

/** Text of a list of token ids; undefined when it cannot be had. */
export type TextOfIds = (ids: readonly number[]) => Promise<string | undefined>;

const REPLACEMENT = "\ufffd";

/** What the first token's text is. */
export type FirstText =
  | { readonly kind: "whole"; readonly text: string }
  /** It ends inside a character: `joiner` makes the text with what follows. */
  | { readonly kind: "partial"; readonly joiner: TextJoiner }
  | { readonly kind: "unknown" };

/** Makes the text of the first tokens out of their ids. */
export class TextJoiner {
  readonly #textOf: TextOfIds;
  readonly #context: readonly number[];
  readonly #base: string;
  readonly #ids: number[];
  #given = "";
  #agrees = false;

  constructor(
    textOf: TextOfIds,
    context: readonly number[],
    base: string,
    firstToken: number,
  ) {
    this.#textOf = textOf;
    this.#context = context;
    this.#base = base;
    this.#ids = [firstToken];
  }

  /** Whether the decode engine's own text may be used from here on. */
  get done(): boolean {
    return this.#agrees;
  }

  /**
   * The text to send for `chunk`, which must carry its token ids; undefined when the text cannot
   * be had. An unfinished character is held back, for ever if the answer ends within it, as one
   * engine does.
   */
  async textFor(chunk: CompletionChunk): Promise<string | undefined> {
    this.#ids.push(...chunk.tokenIds);
    const last = chunk.finishReason !== undefined;
    // The token that ends an answer has no text of its own, but `/detokenize` would give it some.
    const endsWithToken = chunk.finishReason === "stop" && chunk.tokenIds.length > 0 &&
      typeof chunk.choice?.["stop_reason"] !== "string";
    const ids = last && endsWithToken ? this.#ids.slice(0, -1) : this.#ids;
    const text = await this.#textOf([...this.#context, ...ids]);
    if (text === undefined) return undefined;
    const answer = text.startsWith(this.#base) ? text.slice(this.#base.length) : text;
    const settled = withoutPartial(answer);
    const fresh = settled.slice(this.#given.length);
    this.#given += fresh;
    this.#agrees = fresh !== "" && fresh === chunk.text && settled === answer;
    return fresh;
  }
}

function withoutPartial(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === REPLACEMENT) end--;
  return text.slice(0, end);
}

/**
 * The text of the first token. `claimed` is what the prefill engine says; it is trusted unless it
 * is empty or ends in U+FFFD. `context` are some of the prompt's last ids: some tokenizers write a
 * token differently at the beginning of a text.
 */
export async function firstText(
  claimed: string,
  firstToken: number,
  context: readonly number[],
  textOf: TextOfIds,
): Promise<FirstText> {
  if (claimed !== "" && !claimed.endsWith(REPLACEMENT)) return { kind: "whole", text: claimed };
  const base = await textOf(context);
  const joined = await textOf([...context, firstToken]);
  if (base === undefined || joined === undefined) return { kind: "unknown" };
  if (!joined.endsWith(REPLACEMENT)) return { kind: "whole", text: claimed };
  return { kind: "partial", joiner: new TextJoiner(textOf, context, base, firstToken) };
}
