/** One output of one generation: which token comes, what text it adds, when it ends. @module */
import { type Detokenizer, IncrementalText, OutputText } from "./detokenize.ts";
import { type Plan, planOf } from "./directive.ts";
import type { Sampling } from "./sampling.ts";
import { Sequence } from "./sequence.ts";
import { TokenSpelling } from "./token_spelling.ts";
import type { TokenIds } from "./tokenizer.ts";
import { EOS } from "./vocabulary.ts";

/** Why an output ended, in vLLM's words. */
export type FinishReason = "stop" | "length" | "abort" | "error";

/** A prompt ready to be continued any number of times. */
export interface Prompt {
  readonly ids: TokenIds;
  readonly sequence: Sequence;
  readonly plan: Plan;
}

/** Read a prompt once; its cost is linear in its length. */
export function preparePrompt(ids: TokenIds, seed: number): Prompt {
  const sequence = new Sequence(seed);
  sequence.pushAll(ids);
  return { ids, sequence, plan: planOf(ids) };
}

/** How a sample differs from plain continuation. */
export interface SampleOptions {
  readonly index: number;
  /** Most tokens it may have, from `max_tokens` and the model's length. */
  readonly limit: number;
  /** Token ids a grammar forces from the output's first token on, then EOS. */
  readonly grammar: TokenIds | undefined;
  /** Speak garbage: the KV under the prompt was not what it should be. */
  readonly garbage: boolean;
  readonly detokenizer: Detokenizer;
}

/** The likelihood of one generated token and of some others in its place. */
export interface TokenLogprob extends TokenChance {
  readonly top: readonly TokenChance[];
}

/** How likely one token was. */
export interface TokenChance {
  readonly id: number;
  /** How it is spelled where it stands. */
  readonly text: string;
  readonly logprob: number;
}

/** One growing output. */
export class Sample {
  readonly index: number;
  finishReason: FinishReason | undefined;
  /** The stop string or stop token id that ended it; null for EOS and for length. */
  stopReason: string | number | null = null;
  /** Output tokens so far, EOS included. */
  tokens = 0;
  /** The first output token, whatever it is. */
  firstId: number | undefined;
  /** Output token ids not taken yet. */
  newIds: number[] = [];
  /** Log-probabilities not taken yet, when asked for. */
  newLogprobs: TokenLogprob[] = [];

  readonly #sampling: Sampling;
  readonly #limit: number;
  readonly #garbage: boolean;
  readonly #sequence: Sequence;
  readonly #output: OutputText;
  readonly #spelling = new TokenSpelling();
  readonly #keepIds: boolean;
  readonly #endings: ReadonlySet<number>;
  /** Tokens still to be said, in order; then EOS. */
  readonly #forced: TokenIds | undefined;
  #forcedAt = 0;
  #remaining: number | undefined;

  constructor(prompt: Prompt, sampling: Sampling, options: SampleOptions) {
    this.index = options.index;
    this.#sampling = sampling;
    this.#limit = options.limit;
    this.#garbage = options.garbage;
    this.#sequence = prompt.sequence.fork(options.index);
    this.#keepIds = sampling.returnTokenIds;
    this.#endings = new Set([EOS, ...sampling.stopTokenIds]);
    const { plan } = prompt;
    this.#forced = options.grammar ?? (plan.kind === "say" ? plan.rest : undefined);
    this.#remaining = plan.kind === "length" && options.grammar === undefined
      ? plan.remaining
      : undefined;
    const { skipSpecial } = sampling;
    const text = new IncrementalText(prompt.ids, { skipSpecial, detokenizer: options.detokenizer });
    this.#output = new OutputText(text, {
      stop: sampling.stop,
      includeInOutput: sampling.includeStop,
      minTokens: sampling.minTokens,
    });
  }

  /** All of the output's text, cut at a stop string. */
  get text(): string {
    return this.#output.text;
  }

  /** Text for the next stream event. */
  takeDelta(): string {
    return this.#output.takeDelta(this.finishReason !== undefined);
  }

  /** Token ids for the next stream event. */
  takeIds(): readonly number[] {
    const ids = this.newIds;
    this.newIds = [];
    return ids;
  }

  /** Log-probabilities for the next stream event. */
  takeLogprobs(): readonly TokenLogprob[] {
    const logprobs = this.newLogprobs;
    this.newLogprobs = [];
    return logprobs;
  }

  /** Generate one token. Not to be called once finished. */
  step(): void {
    const { minTokens, ignoreEos, stopTokenIds, includeStop } = this.#sampling;
    const id = this.#next(this.tokens < minTokens ? this.#endings : undefined);
    if (this.#sampling.logprobs !== undefined) {
      this.newLogprobs.push(this.#likelihood(id, this.#sampling.logprobs));
    }
    this.#sequence.push(id);
    this.tokens++;
    this.firstId ??= id;
    if (this.#keepIds) this.newIds.push(id);
    let silent = false;
    if (id === EOS && !ignoreEos) {
      this.finishReason = "stop";
      silent = true;
    } else if (stopTokenIds.size > 0 && stopTokenIds.has(id)) {
      this.finishReason = "stop";
      this.stopReason = id;
      silent = !includeStop;
    } else if (this.tokens >= this.#limit) {
      this.finishReason = "length";
    }
    const stopped = this.#output.add(id, silent);
    if (stopped !== undefined) {
      this.finishReason = "stop";
      this.stopReason = stopped;
    }
  }

  #next(banned: ReadonlySet<number> | undefined): number {
    if (this.#garbage) return this.#sequence.predictGarbage();
    if (this.#forced !== undefined && this.#forcedAt <= this.#forced.length) {
      const id = this.#forced[this.#forcedAt++] ?? EOS;
      if (banned === undefined || !banned.has(id)) return id;
    }
    const { forcedId } = this.#sampling;
    if (forcedId !== undefined) return forcedId;
    if (this.#remaining !== undefined && this.#remaining >= 0) {
      this.#remaining--;
      if (this.#remaining >= 0) return this.#sequence.predict(banned ?? ONLY_EOS);
      if (banned === undefined || !banned.has(EOS)) return EOS;
    }
    return this.#sequence.predict(banned);
  }

  #likelihood(id: number, count: number): TokenLogprob {
    const chance = (other: number): TokenChance => ({
      id: other,
      text: this.#spelling.textOf(other),
      logprob: this.#sequence.logprob(other),
    });
    const own = chance(id);
    const top = [own];
    for (let rank = 0; top.length < count && rank < count * 8; rank++) {
      const other = this.#sequence.alternative(rank);
      if (!top.some((entry) => entry.id === other)) top.push(chance(other));
    }
    this.#spelling.push(id);
    return { ...own, top };
  }
}

const ONLY_EOS: ReadonlySet<number> = new Set([EOS]);
