/** What vLLM tells of requests that have ended: how long each phase took, and why they did. @module */
import {
  FIRST_TOKEN_BOUNDS,
  Histogram,
  PER_TOKEN_BOUNDS,
  REQUEST_BOUNDS,
  tokenBounds,
} from "./latency.ts";
import type { FinishReason } from "./sample.ts";

/** When a generation came, began to run, had its first token, and ended, in milliseconds. */
export interface Phases {
  readonly cameMs: number;
  readonly ranMs: number;
  readonly firstMs: number;
  readonly endMs: number;
}

/** One output of it. */
export interface FinishedOutput {
  readonly reason: FinishReason;
  readonly promptTokens: number;
  readonly tokens: number;
}

/** The figures of one engine. */
export class FinishedBook {
  readonly ttft = new Histogram(FIRST_TOKEN_BOUNDS);
  readonly itl = new Histogram(PER_TOKEN_BOUNDS);
  readonly reasons: Record<FinishReason, number> = { ...NONE };
  readonly #byName: Readonly<Record<PhaseName, Histogram>>;

  /** `maxModelLen` in tokens. */
  constructor(maxModelLen: number) {
    const tokens = (): Histogram => new Histogram(tokenBounds(maxModelLen));
    const seconds = (): Histogram => new Histogram(REQUEST_BOUNDS);
    this.#byName = {
      e2e_request_latency_seconds: seconds(),
      request_queue_time_seconds: seconds(),
      request_prefill_time_seconds: seconds(),
      request_decode_time_seconds: seconds(),
      request_inference_time_seconds: seconds(),
      request_time_per_output_token_seconds: new Histogram(PER_TOKEN_BOUNDS),
      request_prompt_tokens: tokens(),
      request_generation_tokens: tokens(),
      request_max_num_generation_tokens: tokens(),
    };
  }

  /** Every histogram by its name, without vLLM's prefix. */
  histograms(): readonly (readonly [name: string, histogram: Histogram])[] {
    return [
      ["time_to_first_token_seconds", this.ttft],
      ["inter_token_latency_seconds", this.itl],
      ...Object.entries(this.#byName),
    ];
  }

  /** An output has ended, which is a request of its own in vLLM. */
  note({ cameMs, ranMs, firstMs, endMs }: Phases, output: FinishedOutput): void {
    const { reason, promptTokens, tokens } = output;
    const by = this.#byName;
    this.reasons[reason]++;
    by.e2e_request_latency_seconds.observeMs(endMs - cameMs);
    by.request_queue_time_seconds.observeMs(ranMs - cameMs);
    by.request_prefill_time_seconds.observeMs(firstMs - ranMs);
    by.request_decode_time_seconds.observeMs(endMs - firstMs);
    by.request_inference_time_seconds.observeMs(endMs - ranMs);
    if (tokens > 1) {
      by.request_time_per_output_token_seconds.observeMs((endMs - firstMs) / (tokens - 1));
    }
    by.request_prompt_tokens.observe(promptTokens);
    by.request_generation_tokens.observe(tokens);
    by.request_max_num_generation_tokens.observe(tokens);
  }

  /** Zero everything. */
  reset(): void {
    Object.assign(this.reasons, NONE);
    for (const [, histogram] of this.histograms()) histogram.reset();
  }
}

const NONE: Readonly<Record<FinishReason, number>> = { stop: 0, length: 0, abort: 0, error: 0 };

type PhaseName =
  | "e2e_request_latency_seconds"
  | "request_queue_time_seconds"
  | "request_prefill_time_seconds"
  | "request_decode_time_seconds"
  | "request_inference_time_seconds"
  | "request_time_per_output_token_seconds"
  | "request_prompt_tokens"
  | "request_generation_tokens"
  | "request_max_num_generation_tokens";
