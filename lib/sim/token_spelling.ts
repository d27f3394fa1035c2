/**
 * How a token is spelled among log-probabilities: with the bytes before it that wait for it, or not
 * at all while its character is unfinished. Source: vLLM `vllm/v1/engine/logprobs.py`
 * (`_correct_decoded_token`), which looks back no further than the answer goes.
 * @module
 */
import { concatBytes, decodeUtf8 } from "../base/mod.ts";
import { tokenBytes, tokenText } from "./tokenizer.ts";

const REPLACEMENT = "\ufffd";

/** How many tokens it looks back. */
const CONTEXT_TOKENS = 4;

/** Spells the tokens of one sequence. */
export class TokenSpelling {
  #context: readonly number[] = [];

  /** The text of `id` if it came next. */
  textOf(id: number): string {
    const own = tokenText(id);
    if (!isPartial(own)) return own;
    for (let count = 1; count <= this.#context.length; count++) {
      const context = this.#context.slice(-count);
      const joined = textOfAll([...context, id]);
      if (isPartial(joined)) continue;
      // Tokens of the same character had no spelling of their own: it is this one's.
      const whole = context.findLastIndex((each) => !isPartial(tokenText(each)));
      const before = textOfAll(context.slice(0, whole + 1));
      return joined.startsWith(before) ? joined.slice(before.length) : joined;
    }
    return "";
  }

  /** The text of `id`, which comes next. */
  push(id: number): string {
    const text = this.textOf(id);
    this.#context = [...this.#context, id].slice(-CONTEXT_TOKENS);
    return text;
  }
}

function isPartial(text: string): boolean {
  return text.endsWith(REPLACEMENT);
}

function textOfAll(ids: readonly number[]): string {
  return decodeUtf8(concatBytes(ids.map(tokenBytes)));
}
