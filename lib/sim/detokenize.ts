/**
 * Token by token to text, as vLLM's incremental detokenizer does it, stop strings included.
 *
 * Source: vLLM `vllm/v1/engine/detokenizer.py` and `vllm/tokenizers/detokenizer_utils.py`
 * (`detokenize_incrementally`).
 * @module
 */
import { decodeIds, tokenBytes, type TokenIds, tokenText } from "./tokenizer.ts";
import { byteOf, isSpecial } from "./vocabulary.ts";

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });

/** Longest character, in bytes. */
const MAX_CHAR = 4;

/**
 * Which of vLLM's detokenizers: `fast` for the tokenizers of Hugging Face's library, which nearly
 * all models have, `slow` for others.
 */
export type Detokenizer = "fast" | "slow";

/** How text is made of ids. */
export interface TextOptions {
  readonly skipSpecial: boolean;
  readonly detokenizer: Detokenizer;
}

/**
 * Gives the text each token adds. Nothing is given while a character is incomplete.
 *
 * Behind a prompt that ends inside a character, the slow one gives nothing again that the prompt's
 * tail shows already (U+FFFD): the token that completes the character makes the text no longer, so
 * the character is lost. The fast one knows no place to go on from: the first text it gives is that
 * of the whole prompt, and what follows (`tokenizers`' `DecodeStream`, given the prompt's ids).
 */
export class IncrementalText {
  readonly #skipSpecial: boolean;
  /** The prompt, until it is given again. */
  #again: TokenIds | undefined;
  /** Bytes of the prompt's tail that are an incomplete character. */
  #prefix: Uint8Array;
  /** Bytes since, not given yet; empty while nothing is held. */
  #held: number[] = [];

  constructor(prompt: TokenIds, { skipSpecial, detokenizer }: TextOptions) {
    this.#skipSpecial = skipSpecial;
    const tail = incompleteTail(prompt);
    const repeats = detokenizer === "fast" && tail.length > 0;
    this.#prefix = repeats ? new Uint8Array(0) : tail;
    if (!repeats) return;
    this.#held = [...tail];
    this.#again = prompt.slice(0, prompt.length - tail.length);
  }

  /** The text `id` adds, possibly empty. */
  add(id: number): string {
    if (isSpecial(id) && this.#skipSpecial) return "";
    const byte = byteOf(id);
    const plain = byte === undefined || byte < 0x80;
    if (plain && this.#held.length === 0 && this.#prefix.length === 0) return tokenText(id);
    for (const each of tokenBytes(id)) this.#held.push(each);
    const before = Array.from(lossy.decode(this.#prefix));
    const after = Array.from(lossy.decode(new Uint8Array([...this.#prefix, ...this.#held])));
    if (after.length <= before.length || after.at(-1) === "\ufffd") return "";
    this.#held = [];
    this.#prefix = new Uint8Array(0);
    const again = this.#again === undefined ? "" : decodeIds(this.#again, this.#skipSpecial);
    this.#again = undefined;
    return again + after.slice(before.length).join("");
  }
}

function incompleteTail(prompt: TokenIds): Uint8Array {
  const tail: number[] = [];
  for (let at = prompt.length - 1; at >= 0 && tail.length < MAX_CHAR - 1; at--) {
    const byte = byteOf(prompt[at] ?? 0);
    if (byte === undefined || byte < 0x80) break;
    tail.unshift(byte);
    if (byte >= 0xc0) {
      const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return tail.length < length ? new Uint8Array(tail) : new Uint8Array(0);
    }
  }
  return new Uint8Array(0);
}

/** How stop strings are looked for. */
export interface StopStrings {
  readonly stop: readonly string[];
  readonly includeInOutput: boolean;
  readonly minTokens: number;
}

/** The output text of one sample: grows by tokens, is cut at stop strings, is read as deltas. */
export class OutputText {
  readonly #incremental: IncrementalText;
  readonly #stops: StopStrings;
  readonly #holdBack: number;
  #text = "";
  /** Without stop strings: what was added since the last delta, so that no delta costs a slice. */
  #fresh = "";
  #given = 0;
  #tokens = 0;

  constructor(incremental: IncrementalText, stops: StopStrings) {
    this.#incremental = incremental;
    this.#stops = stops;
    this.#holdBack = stops.includeInOutput || stops.stop.length === 0
      ? 0
      : Math.max(...stops.stop.map((stop) => stop.length)) - 1;
  }

  /** All of the text so far. */
  get text(): string {
    return this.#text;
  }

  /**
   * Add one token. Returns the stop string that ends the output, if one does.
   * @param silent The token ends the output and is no part of its text (EOS, a stop token).
   */
  add(id: number, silent: boolean): string | undefined {
    this.#tokens++;
    if (silent) return undefined;
    const added = this.#incremental.add(id);
    if (added === "") return undefined;
    this.#text += added;
    const { stop, minTokens } = this.#stops;
    if (stop.length === 0) this.#fresh += added;
    else if (this.#tokens > minTokens) return this.#findStop(added.length);
    return undefined;
  }

  /** Text not given yet; holds back what might become a stop string unless `finished`. */
  takeDelta(finished: boolean): string {
    if (this.#stops.stop.length === 0) {
      const fresh = this.#fresh;
      this.#fresh = "";
      return fresh;
    }
    const end = this.#text.length - (finished ? 0 : this.#holdBack);
    if (end <= this.#given) return "";
    const delta = this.#text.slice(this.#given, end);
    this.#given = end;
    return delta;
  }

  #findStop(newChars: number): string | undefined {
    const { stop, includeInOutput } = this.#stops;
    for (const wanted of stop) {
      const from = Math.max(this.#text.length + 1 - newChars - wanted.length, 0);
      const found = this.#text.indexOf(wanted, from);
      if (found < 0) continue;
      this.#text = this.#text.slice(0, includeInOutput ? found + wanted.length : found);
      return wanted;
    }
    return undefined;
  }
}
