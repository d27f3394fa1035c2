/**
 * Stop strings looked for by the router, where one may begin in the first token and end in what the
 * decode engine says: neither engine alone would see it.
 *
 * Source: vLLM `vllm/v1/engine/detokenizer.py` (`update`, `check_stop_strings`).
 * @module
 */
import { stopOverlap } from "../disagg/mod.ts";
import { type TextOfIds, withoutPartial } from "./first_text.ts";

/** What ends an answer. */
export interface StopRules {
  /** In the request's order, which decides between two that one token completes. */
  readonly stops: readonly string[];
  /** Whether the stop string is part of the answer. */
  readonly include: boolean;
  /** No stop string counts before more tokens than these are out. */
  readonly minTokens: number;
}

/** What added text comes to. */
export interface StopStep {
  /** Text to send: what cannot be part of a stop string any more, up to the stop when there is one. */
  readonly text: string;
  /** Set when the answer is over. */
  readonly hit?: {
    readonly stop: string;
    /** How many of the added tokens belong to the answer, the one that completed the stop included. */
    readonly tokens: number;
  };
}

/** How many ids before an event give its tokens' texts their context. */
const CONTEXT_IDS = 6;

/** Looks for stop strings in the text of one answer. */
export class StopJoin {
  readonly #rules: StopRules;
  readonly #textOf: TextOfIds;
  readonly #window: number;
  /** What has been added last: all that is not sent, and what a stop string may still reach into. */
  #text = "";
  /** How much of `#text` has been sent. */
  #sent = 0;
  #tokens = 0;
  #recent: readonly number[];

  /** `context`: some of the prompt's last ids. */
  constructor(rules: StopRules, textOf: TextOfIds, context: readonly number[]) {
    this.#rules = rules;
    this.#textOf = textOf;
    this.#window = Math.max(...rules.stops.map((stop) => stop.length)) - 1;
    this.#recent = context;
  }

  /** Tokens of the answer so far, the first one included; none beyond one that completed a stop. */
  get tokens(): number {
    return this.#tokens;
  }

  /** The answer begins with one token, in which no stop string is complete. Gives text to send. */
  begin(text: string, id: number): string {
    this.#tokens = 1;
    this.#text = text;
    this.#remember([id]);
    return this.#take(this.#end());
  }

  /**
   * The answer has begun, with `ids`, of which there are at least six if the answer has them, `tokens`
   * in all: `sent` is the end of the text that has been sent, `held` what an engine held behind it.
   * Gives text to send.
   */
  resume(sent: string, held: string, tokens: number, ids: readonly number[]): string {
    this.#tokens = tokens;
    this.#text = sent + held;
    this.#sent = sent.length;
    this.#remember(ids);
    return this.#take(Math.max(this.#sent, this.#end()));
  }

  /** Add an event's text and the ids of its tokens. */
  async add(text: string, ids: readonly number[]): Promise<StopStep> {
    const count = ids.length > 0 || text === "" ? ids.length : 1;
    const pieces = count > 1 && this.#mayHit(text, count) ? await this.#split(text, ids) : [];
    this.#remember(ids);
    let tokens = 0;
    for (const piece of pieces) {
      tokens++;
      const hit = this.#push(piece, 1);
      if (hit !== undefined) {
        return { text: this.#take(this.#text.length), hit: { ...hit, tokens } };
      }
    }
    const hit = pieces.length > 0 ? undefined : this.#push(text, count);
    if (hit === undefined) return { text: this.#take(this.#end()) };
    return { text: this.#take(this.#text.length), hit: { ...hit, tokens: count } };
  }

  /** Text that waited for a stop string which does not come. */
  rest(): string {
    return this.#take(this.#text.length);
  }

  #mayHit(text: string, count: number): boolean {
    const { stops, minTokens } = this.#rules;
    if (this.#tokens + count <= minTokens) return false;
    const joined = this.#text + text;
    return stops.some((stop) => joined.includes(stop));
  }

  /** Each token's own part of `text`; nothing when that cannot be told. */
  async #split(text: string, ids: readonly number[]): Promise<readonly string[]> {
    const base = await this.#textOf(this.#recent);
    if (base === undefined) return [];
    let before = withoutPartial(base).length;
    const pieces: string[] = [];
    let from = 0;
    for (let count = 1; count <= ids.length; count++) {
      const joined = await this.#textOf([...this.#recent, ...ids.slice(0, count)]);
      if (joined === undefined) return [];
      const said = withoutPartial(joined);
      const piece = said.slice(before);
      before = Math.max(before, said.length);
      // What is not in the text is of a special token, which `/detokenize` alone writes out.
      const own = text.startsWith(piece, from) ? piece : "";
      from += own.length;
      pieces.push(count === ids.length ? own + text.slice(from) : own);
    }
    return pieces;
  }

  #push(text: string, tokens: number): { readonly stop: string } | undefined {
    const { stops, include, minTokens } = this.#rules;
    this.#tokens += tokens;
    this.#text += text;
    if (text === "" || this.#tokens <= minTokens) return undefined;
    for (const stop of stops) {
      // Nothing that ended before the added text: it did not count then.
      const from = Math.max(this.#text.length + 1 - text.length - stop.length, 0);
      const found = this.#text.indexOf(stop, from);
      if (found < 0) continue;
      this.#text = this.#text.slice(0, include ? found + stop.length : found);
      return { stop };
    }
    return undefined;
  }

  /** Where in `#text` the text ends that may be sent. */
  #end(): number {
    const { stops, include } = this.#rules;
    return this.#text.length - (include ? 0 : stopOverlap(this.#text, stops));
  }

  #take(end: number): string {
    const text = this.#text.slice(this.#sent, end);
    this.#sent = Math.max(this.#sent, end);
    const done = Math.min(this.#sent, this.#text.length - this.#window);
    if (done > 0) {
      this.#text = this.#text.slice(done);
      this.#sent -= done;
    }
    return text;
  }

  #remember(ids: readonly number[]): void {
    this.#recent = [...this.#recent, ...ids].slice(-CONTEXT_IDS);
  }
}
