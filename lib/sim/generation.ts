/** One generation request from admission to its end: KV, time, tokens, bookkeeping. @module */
import { internalError } from "./api_error.ts";
import type { Place } from "./admission.ts";
import {
  admitAll,
  type Admitted,
  checkPrompt,
  type GenerationRequest,
  samplesOf,
} from "./admitted.ts";
import { ClientGone, endCore, type EngineCore, pause } from "./core.ts";
import { strikesAt } from "./faults.ts";
import type { Phases } from "./finished.ts";
import { announceKv, sendKv, type SentKv } from "./handoff.ts";
import { objectOrEmpty } from "./json.ts";
import type { Prompt, Sample } from "./sample.ts";
import { untilAborted } from "./sse_stream.ts";

/** Token counts for `usage`. */
export interface UsageCounts {
  readonly prompt: number;
  readonly completion: number;
  readonly cached: number;
  /** Prompt tokens whose KV was added to the cache. */
  readonly created: number;
}

/** When a generation came, ran and had its first token, and what it runs in. */
interface Begun extends Omit<Phases, "endMs"> {
  readonly place: Place;
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
  readonly createdTokens: number;
  /** Time between tokens, in milliseconds. */
  readonly itlMs: number;

  readonly #core: EngineCore;
  readonly #request: GenerationRequest;
  readonly #admitted: readonly Admitted[];
  readonly #place: Place;
  readonly #errorAfter: number | undefined;
  readonly #begun: Begun;
  #sent: readonly SentKv[] | undefined;
  #announced = false;

  private constructor(
    core: EngineCore,
    request: GenerationRequest,
    admitted: readonly Admitted[],
    begun: Begun,
  ) {
    const { faults, random } = core;
    const { path } = request;
    this.#core = core;
    this.#request = request;
    this.#admitted = admitted;
    this.#place = begun.place;
    this.#begun = begun;
    this.samples = admitted.flatMap((each) => samplesOf(core, each, request));
    this.prompts = admitted.map(({ prompt }) => prompt);
    this.promptTokens = this.prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    this.cachedTokens = admitted.reduce((sum, { told }) => sum + told, 0);
    this.createdTokens = admitted.reduce((sum, { created }) => sum + created, 0);
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
    const { stats, options, clock, finished } = core;
    const cameMs = clock.now();
    const checked = request.prompts.map((ids) => checkPrompt(core, request, ids));
    const place = await core.admission.enter(request.signal);
    if (place === undefined) {
      countAbort(core, request, 0);
      throw new ClientGone("aborted");
    }
    const ranMs = clock.now();
    stats.runningNow++;
    try {
      if (core.life.hung) await hang(request.signal);
      const admitted = await admitAll(core, request, checked);
      const computed = admitted.reduce(
        (sum, { prompt, cached }) => sum + prompt.ids.length - cached,
        0,
      );
      await pause(core, computed * options.prefillMsPerToken + options.ttftMs, request.signal);
      for (const { prompt } of admitted) core.shared?.save(prompt.ids, options.blockSize);
      if (options.errorStyle === "status" && admitted.some(({ kv }) => kv.failed)) {
        throw internalError();
      }
      const firstMs = clock.now();
      finished.ttft.observeMs(firstMs - cameMs);
      return new Generation(core, request, admitted, { place, cameMs, ranMs, firstMs });
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

  /** True once KV that could not be loaded shows as an error in place of an answer. */
  get broken(): boolean {
    return this.failed && this.#core.options.errorStyle !== "finish" &&
      this.#admitted.some(({ kv }) => kv.failed);
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
    if (this.broken) throw internalError();
  }

  /** Counts so far. */
  usage(): UsageCounts {
    let completion = 0;
    for (const sample of this.samples) completion += sample.tokens;
    return {
      prompt: this.promptTokens,
      completion,
      cached: this.cachedTokens,
      created: this.createdTokens,
    };
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
      // vLLM numbers the prompts of a completion.
      const base = this.#request.id.startsWith("cmpl-")
        ? `${this.#request.id}-0`
        : this.#request.id;
      return nixl?.lend({
        requestId: `${base}-${suffix}`,
        ids: first.prompt.ids,
        outputs: sample.tokens,
        cached: first.cached,
      }) ?? null;
    }
    if (first.leg.kind !== "lmcache-prefill") return null;
    await this.#sendFirst();
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
    this.#noteFinished();
    if (!this.failed) tasks.add("KV transfer", this.#push());
  }

  #noteFinished(): void {
    const { clock, finished } = this.#core;
    const phases = { ...this.#begun, endMs: clock.now() };
    const { n } = this.#request.sampling;
    for (const [index, { finishReason, tokens }] of this.samples.entries()) {
      const promptTokens = this.prompts[Math.floor(index / n)]?.ids.length ?? 0;
      finished.note(phases, { reason: finishReason ?? "abort", promptTokens, tokens });
    }
  }

  #close(): UsageCounts {
    const { stats, finished } = this.#core;
    const usage = this.usage();
    stats.runningNow--;
    this.#place.release();
    stats.add("promptTokens", usage.prompt);
    stats.add("generationTokens", usage.completion);
    if (usage.completion > 1) finished.itl.observeMs(this.itlMs, usage.completion - 1);
    return usage;
  }

  /** Send the KV of every output of an LMCache prefill, once, and announce it, once. */
  async #push(): Promise<void> {
    const sent = this.#send();
    if (this.#announced) return;
    this.#announced = true;
    await Promise.all(sent.map((kv) => announceKv(this.#core, kv)));
  }

  /** Every sample is a request of its own, with the same `disagg_spec`. */
  #send(): readonly SentKv[] {
    const { n } = this.#request.sampling;
    return this.#sent ??= this.samples.flatMap((sample, index) => {
      const admitted = this.#admitted[Math.floor(index / n)];
      if (admitted?.leg.kind !== "lmcache-prefill") return [];
      const { leg: { spec, tags }, prompt: { ids }, announced } = admitted;
      const { tokens: outputs, firstId = 0 } = sample;
      const early = announced && index % n === 0;
      return [sendKv(this.#core, { ids, spec, tags, outputs, firstId, announced: early })];
    });
  }

  /** The synchronous backends send within the step: the answer waits, if need be for ever. */
  async #sendFirst(): Promise<void> {
    const { options, life } = this.#core;
    if (options.generation === "D") return;
    for (const { ranks } of this.#send()) await Promise.all(ranks);
    if (life.hung) await hang(this.#request.signal);
  }
}

/** Wait for a core that answers no more. */
async function hang(signal: AbortSignal): Promise<never> {
  await untilAborted(signal);
  throw new ClientGone("aborted");
}

/**
 * Count a request whose client has left. With `ret_first_tok` and no token yet it ends the engine core
 * (LMCache `integration/vllm/vllm_v1_adapter.py`, `request_finished`).
 */
function countAbort(core: EngineCore, request: GenerationRequest, tokens: number): void {
  if (core.life.dead) return;
  core.stats.add("aborted");
  core.finished.reasons.abort++;
  if (tokens === 0 && Object.hasOwn(objectOrEmpty(request.kvParams), "ret_first_tok")) {
    core.stats.add("abortedBeforeFirstToken");
    if (core.options.kvConnector === "lmcache") {
      endCore(core, "IndexError: list index out of range");
    }
  }
}
