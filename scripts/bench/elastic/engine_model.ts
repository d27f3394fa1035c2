/** An engine as a queue: steps of continuous batching, whose length follows from what is in them. @module */
import type { Clock } from "../../../lib/base/mod.ts";

/** What steps cost, about as an 8B model on one GPU of 2024. */
export const COST = {
  /** Of every step, in milliseconds. */
  stepMs: 12,
  /** Of each sequence that decodes, and of each 1,000 tokens of context that it reads. */
  sequenceMs: 0.1,
  contextMsPer1000: 0.04,
  /** Of each 1,000 prompt tokens that are computed. */
  promptMsPer1000: 100,
} as const;

/** Sequences that decode at a time, and prompt tokens in a step (`max_num_batched_tokens`). */
export const LIMITS = { sequences: 64, promptTokens: 2_048 } as const;

/** A prompt to be computed. */
export interface PrefillJob {
  readonly tokens: number;
  readonly done: () => void;
}

/** An answer to be decoded, whose KV is there. */
export interface DecodeJob {
  readonly context: number;
  readonly tokens: number;
  readonly first: () => void;
  readonly done: () => void;
}

/** Told of each step: how long it was, and how many answers got a token by it. */
export type OnStep = (ms: number, tokens: number) => void;

interface Computing extends PrefillJob {
  left: number;
}

interface Running extends DecodeJob {
  isFirst: boolean;
  left: number;
}

/** Works on prompts in order of arrival, and on as many answers at once as fit. */
export class EngineModel {
  readonly #clock: Clock;
  readonly #onStep: OnStep;
  readonly #prompts: Computing[] = [];
  readonly #waiting: DecodeJob[] = [];
  #running: Running[] = [];
  #context = 0;
  #isStepping = false;

  constructor(clock: Clock, onStep: OnStep) {
    this.#clock = clock;
    this.#onStep = onStep;
  }

  prefill(job: PrefillJob): void {
    this.#prompts.push({ ...job, left: job.tokens });
    this.#begin();
  }

  decode(job: DecodeJob): void {
    this.#waiting.push(job);
    this.#begin();
  }

  #begin(): void {
    if (this.#isStepping) return;
    this.#admit();
    if (this.#running.length === 0 && this.#prompts.length === 0) return;
    this.#isStepping = true;
    const computed = this.#compute();
    const { stepMs, sequenceMs, contextMsPer1000, promptMsPer1000 } = COST;
    const ms = stepMs + sequenceMs * this.#running.length +
      contextMsPer1000 * this.#context / 1_000 + promptMsPer1000 * computed.tokens / 1_000;
    this.#clock.after(ms, () => this.#end(ms, computed.prompts));
  }

  #admit(): void {
    while (this.#running.length < LIMITS.sequences) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#running.push({ ...job, isFirst: true, left: job.tokens });
      this.#context += job.context;
    }
  }

  /** What a step computes of the prompts that wait, and which of them are then done. */
  #compute(): { readonly tokens: number; readonly prompts: readonly PrefillJob[] } {
    let room = LIMITS.promptTokens;
    const prompts: PrefillJob[] = [];
    for (let job = this.#prompts[0]; job !== undefined && room > 0; job = this.#prompts[0]) {
      const part = Math.min(room, job.left);
      room -= part;
      job.left -= part;
      if (job.left > 0) break;
      this.#prompts.shift();
      prompts.push(job);
    }
    return { tokens: LIMITS.promptTokens - room, prompts };
  }

  #end(ms: number, prompts: readonly PrefillJob[]): void {
    this.#isStepping = false;
    const ended: Running[] = [];
    for (const answer of this.#running) {
      answer.left--;
      this.#context++;
      if (answer.isFirst) answer.first();
      answer.isFirst = false;
      if (answer.left === 0) ended.push(answer);
    }
    this.#onStep(ms, this.#running.length);
    if (ended.length > 0) this.#running = this.#running.filter(({ left }) => left > 0);
    for (const answer of ended) {
      this.#context -= answer.context + answer.tokens;
      answer.done();
    }
    for (const prompt of prompts) prompt.done();
    this.#begin();
  }
}
