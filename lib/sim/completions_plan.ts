/** A completion request as its answers need it, and what of a choice repeats the prompt. @module */
import { completionLogprobsJson, type EchoedLogprob, echoedLogprobs } from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import type { Sampling } from "./sampling.ts";
import { decodeIds, type TokenIds } from "./tokenizer.ts";
import type { UsageDetails } from "./usage.ts";

/** What all choices of one completion request share. */
export interface CompletionPlan {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly sampling: Sampling;
  readonly echo: boolean;
  /** `echo` with `max_tokens: 0`: the prompt alone is wanted. */
  readonly echoOnly: boolean;
  readonly details: UsageDetails;
  readonly promptLogprobs: number | undefined;
  readonly seed: number;
}

/** The prompt as `echo` repeats it: not at all beside its ids. */
export function echoedText({ echo, sampling }: CompletionPlan, prompt: TokenIds): string {
  return echo && !sampling.returnTokenIds ? decodeIds(prompt, true) : "";
}

/** Log-probabilities of one choice, the prompt's first where it is echoed. */
export class ChoiceLogprobs {
  readonly #plan: CompletionPlan;
  #echoed: readonly EchoedLogprob[];
  #offset = 0;

  constructor(plan: CompletionPlan, prompt: TokenIds) {
    const { echo, seed, sampling } = plan;
    this.#plan = plan;
    this.#echoed = echo && sampling.logprobs !== undefined
      ? echoedLogprobs(prompt, seed, sampling.logprobs)
      : [];
  }

  /** The JSON of what was not taken yet; null when none was asked for. */
  take(sample: Sample): string {
    const { sampling, echoOnly } = this.#plan;
    if (sampling.logprobs === undefined) return "null";
    const own = sample.takeLogprobs();
    const tokens = [...this.#echoed, ...(echoOnly ? [] : own)];
    this.#echoed = [];
    const { json, end } = completionLogprobsJson(tokens, this.#offset, sampling.tokensAsIds);
    this.#offset = end;
    return json;
  }
}
