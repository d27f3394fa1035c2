/** One generation request from admission to its end: KV, time, tokens, bookkeeping. @module */
import { internalError } from "./api_error.ts";
import type { Place } from "./admission.ts";
import {
  admit,
  type Admitted,
  checkPrompt,
  type GenerationRequest,
  samplesOf,
} from "./admitted.ts";
import { ClientGone, type EngineCore, pause } from "./core.ts";
import { strikesAt } from "./faults.ts";
import { type PushedKv, pushKv } from "./handoff.ts";
import { objectOrEmpty } from "./json.ts";
import type { Prompt, Sample } from "./sample.ts";

/** Token counts for `usage`. */
export interface UsageCounts {
  readonly prompt: number;
  readonly completion: number;
  readonly cached: number;
}

/** How far the tokens of an answer that is not streamed may be ahead of time, in milliseconds. */
const AHEAD_MS = 10;

/** A running generation. It ends with `answered` or `fail` on every path. */
export class Generation {
  /** By prompt, then by sample. */
  readonly samples: readonly Sample[];
  readonly prompts: readonly Prompt[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Time between tokens, in milliseconds. */
  readonly itlMs: number;

  readonly #core: EngineCore;
  readonly #request: GenerationRequest;
  readonly #admitted: readonly Admitted[];
  readonly #place: Place;
  readonly #errorAfter: number | undefined;
  #pushed = false;

  private constructor(
    core: EngineCore,
    request: GenerationRequest,
    admitted: readonly Admitted[],
    place: Place,
  ) {
    const { faults, random } = core;
    const { path } = request;
    this.#core = core;
    this.#request = request;
    this.#admitted = admitted;
    this.#place = place;
    this.samples = admitted.flatMap((each) => samplesOf(each, request));
    this.prompts = admitted.map(({ prompt }) => prompt);
    this.promptTokens = this.prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    this.cachedTokens = admitted.reduce((sum, { cached }) => sum + cached, 0);
    this.itlMs = strikesAt(faults, path, "slowTokens", random)
      ? faults.slowTokenMs
      : core.options.itlMs;
    this.#errorAfter = admitted.some(({ kv }) => kv.failed)
      ? 0
      : strikesAt(faults, path, "finishError", random)
      ? faults.errorAfterEvents
      : undefined;
  }

  /**
   * Admit a request: check it, load or compute its KV, wait until the first token is due.
   * Throws ApiError, or ClientGone when the client leaves meanwhile.
   */
  static async begin(core: EngineCore, request: GenerationRequest): Promise<Generation> {
    const { stats, options, clock, latency } = core;
    const begunAt = clock.now();
    const checked = request.prompts.map((ids) => checkPrompt(core, request, ids));
    const place = await core.admission.enter(request.signal);
    if (place === undefined) {
      countAbort(core, request, 0);
      throw new ClientGone("aborted");
    }
    stats.runningNow++;
    try {
      const admitted: Admitted[] = [];
      for (const each of checked) admitted.push(await admit(core, request, each));
      const computed = admitted.reduce(
        (sum, { prompt, cached }) => sum + prompt.ids.length - cached,
        0,
      );
      await pause(core, computed * options.prefillMsPerToken + options.ttftMs, request.signal);
      for (const { prompt } of admitted) core.shared?.save(prompt.ids, options.blockSize);
      if (options.errorStyle === "status" && admitted.some(({ kv }) => kv.failed)) {
        throw internalError();
      }
      latency.ttft.observe(clock.now() - begunAt);
      return new Generation(core, request, admitted, place);
    } catch (error) {
      stats.runningNow--;
      place.release();
      if (error instanceof ClientGone) countAbort(core, request, 0);
      throw error;
    }
  }

  /** True once a sample has ended in an error. */
  get failed(): boolean {
    return this.samples.some((sample) => sample.finishReason === "error");
  }

  /** Advance every sample that is not finished by one token; true while any is left. */
  step(): boolean {
    let live = false;
    const errorAfter = this.#errorAfter;
    for (const sample of this.samples) {
      if (sample.finishReason !== undefined) continue;
      if (errorAfter !== undefined && sample.tokens >= errorAfter) sample.finishReason = "error";
      else sample.step();
      live ||= sample.finishReason === undefined;
    }
    return live;
  }

  /**
   * Generate everything, taking the time it takes. Throws ClientGone, and a 500 when the generation
   * fails and errors are not to show as a finish reason.
   */
  async finishAll(): Promise<void> {
    const { clock } = this.#core;
    const { signal } = this.#request;
    const startedAt = clock.now();
    const ahead = (steps: number): number => startedAt + steps * this.itlMs - clock.now();
    let steps = 0;
    for (let live = true; live; steps++) {
      // Steps run a little ahead of their time, so that a fast engine needs few timers.
      if (this.itlMs > 0 && ahead(steps) > AHEAD_MS) {
        await pause(this.#core, ahead(steps), signal);
      }
      live = this.step();
    }
    await pause(this.#core, ahead(steps - 1), signal);
    if (this.failed && this.#core.options.errorStyle !== "finish") throw internalError();
  }

  /** Counts so far. */
  usage(): UsageCounts {
    let completion = 0;
    for (const sample of this.samples) completion += sample.tokens;
    return { prompt: this.promptTokens, completion, cached: this.cachedTokens };
  }

  /**
   * What the answer carries as `kv_transfer_params`, streams aside (vLLM has none in streams): that
   * of the first prompt. Waits for the transfer when the engine announces before it answers.
   */
  async transferParams(): Promise<unknown> {
    const { options, nixl, random } = this.#core;
    const [first] = this.#admitted;
    const [sample] = this.samples;
    if (first === undefined || sample === undefined || this.failed) return null;
    if (first.leg.kind === "nixl-prefill") {
      const suffix = random.uuid().slice(0, 8);
      return nixl?.lend(`${this.#request.id}-0-${suffix}`, first.prompt.ids) ?? null;
    }
    if (first.leg.kind !== "lmcache-prefill") return null;
    if (options.notify === "before") await this.#push();
    const wanted = Object.hasOwn(objectOrEmpty(this.#request.kvParams), "ret_first_tok");
    return wanted && options.firstToken && sample.firstId !== undefined
      ? { first_tok: sample.firstId }
      : null;
  }

  /** Its end without an answer: `error` says whether the client has left or the engine has failed. */
  fail(error: unknown): void {
    const { completion } = this.#close();
    if (error instanceof ClientGone) countAbort(this.#core, this.#request, completion);
  }

  /** Its end when the answer has left; begins what comes after that. */
  answered(): void {
    const { stats, tasks } = this.#core;
    this.#close();
    stats.add("finished");
    if (!this.failed) tasks.add("KV transfer", this.#push());
  }

  #close(): UsageCounts {
    const { stats, latency } = this.#core;
    const usage = this.usage();
    stats.runningNow--;
    this.#place.release();
    stats.add("promptTokens", usage.prompt);
    stats.add("generationTokens", usage.completion);
    if (usage.completion > 1) latency.itl.observe(this.itlMs, usage.completion - 1);
    return usage;
  }

  /** Push the KV of every prompt of an LMCache prefill, once. */
  async #push(): Promise<void> {
    if (this.#pushed) return;
    this.#pushed = true;
    const { n } = this.#request.sampling;
    await Promise.all(this.#admitted.map(async ({ leg, prompt, announced }, index) => {
      if (leg.kind !== "lmcache-prefill") return;
      const samples = this.samples.slice(index * n, (index + 1) * n);
      const steps = samples.reduce((sum, sample) => sum + sample.tokens, 0);
      const kv: PushedKv = {
        ids: prompt.ids,
        spec: leg.spec,
        announcements: announced ? steps - 1 : steps,
      };
      await pushKv(this.#core, kv);
    }));
  }
}

function countAbort(core: EngineCore, request: GenerationRequest, tokens: number): void {
  core.stats.add("aborted");
  if (tokens === 0 && Object.hasOwn(objectOrEmpty(request.kvParams), "ret_first_tok")) {
    core.stats.add("abortedBeforeFirstToken");
  }
}
