/** A prompt on its way in: its leg, the KV it begins with, its place in the statistics. @module */
import type { EngineCore } from "./core.ts";
import { announceEarly } from "./handoff.ts";
import { type KvLeg, legOf, storeAsSender } from "./kv_leg.ts";
import { findKv, type FoundKv, type LoadedKv, loadKv } from "./kv_load.ts";
import { preparePrompt, type Prompt, Sample } from "./sample.ts";
import type { Sampling } from "./sampling.ts";
import { outputLimit } from "./token_limit.ts";
import type { TokenIds } from "./tokenizer.ts";

/** What an endpoint asks the engine to generate. */
export interface GenerationRequest {
  /** The request's id, e.g. `cmpl-…`. */
  readonly id: string;
  /** The endpoint, e.g. `/v1/completions`. */
  readonly path: string;
  readonly prompts: readonly TokenIds[];
  readonly sampling: Sampling;
  /** Token ids a grammar forces, then EOS. */
  readonly grammar: TokenIds | undefined;
  readonly kvParams: unknown;
  readonly stream: boolean;
  readonly signal: AbortSignal;
}

/** A prompt that may run. */
export interface CheckedPrompt {
  readonly leg: KvLeg;
  readonly prompt: Prompt;
  /** Most output tokens. */
  readonly limit: number;
}

/** A prompt that runs. */
export interface Admitted extends CheckedPrompt {
  /** The KV was announced before it was computed, by fault. */
  readonly announced: boolean;
  readonly kv: LoadedKv;
  /** Tokens whose KV was here already. */
  readonly cached: number;
  /** The cached tokens it tells of: with KV pulled over NIXL, those the prefill engine had. */
  readonly told: number;
  /** Tokens whose KV the prefix cache keeps from then on. */
  readonly created: number;
}

/** Check a prompt without doing anything. Throws ApiError. */
export function checkPrompt(
  core: EngineCore,
  request: GenerationRequest,
  ids: TokenIds,
): CheckedPrompt {
  const { options } = core;
  return {
    limit: outputLimit(options, ids, request.sampling),
    leg: legOf(core, request.kvParams),
    prompt: preparePrompt(ids, options.seed),
  };
}

/** Look up the KV of each prompt, then load it and find its place in the statistics. */
export async function admitAll(
  core: EngineCore,
  request: GenerationRequest,
  prompts: readonly CheckedPrompt[],
): Promise<readonly Admitted[]> {
  const found = prompts.map(({ leg, prompt }) => findKv(core, leg, prompt.ids));
  const admitted: Admitted[] = [];
  for (const [index, checked] of prompts.entries()) {
    admitted.push(await admit(core, request, checked, found[index]));
  }
  return admitted;
}

async function admit(
  core: EngineCore,
  request: GenerationRequest,
  checked: CheckedPrompt,
  found: FoundKv | undefined,
): Promise<Admitted> {
  const { leg, prompt } = checked;
  storeAsSender(core, leg, prompt.ids.length);
  const announced = leg.kind === "lmcache-prefill" && await announceEarly(core, leg.spec);
  const local = core.prefix?.admit(prompt.ids) ?? 0;
  const kv = await loadKv(core, leg, prompt.ids, { found, local });
  // Every further sample is a request of its own and reads what all have found.
  for (let sample = 1; core.kv !== undefined && sample < request.sampling.n; sample++) {
    await loadKv(core, leg, prompt.ids, { found, local: core.prefix?.admit(prompt.ids) ?? 0 });
  }
  count(core, request, leg, kv);
  if (core.prefix !== undefined) {
    core.stats.add("prefixQueryTokens", prompt.ids.length);
    core.stats.add("prefixHitTokens", local);
  }
  const cached = Math.max(local, kv.tokens);
  return {
    ...checked,
    announced,
    kv,
    cached,
    told: kv.remoteCached ?? cached,
    created: core.prefix === undefined ? 0 : addedTokens(core, prompt.ids.length, cached),
  };
}

/** The outputs a prompt is to have, none begun. */
export function samplesOf(
  core: EngineCore,
  admitted: Admitted,
  request: GenerationRequest,
): readonly Sample[] {
  const { prompt, limit, kv: { garbage } } = admitted;
  const { detokenizer } = core.options;
  const { sampling, grammar } = request;
  return Array.from(
    { length: sampling.n },
    (_, index) => new Sample(prompt, sampling, { index, limit, grammar, garbage, detokenizer }),
  );
}

/** Only whole blocks are kept. */
function addedTokens(core: EngineCore, length: number, cached: number): number {
  const { blockSize } = core.options;
  return Math.max(0, length - length % blockSize - cached);
}

function count(core: EngineCore, request: GenerationRequest, leg: KvLeg, kv: LoadedKv): void {
  const { stats, options } = core;
  const isPrefill = leg.kind === "lmcache-prefill" || leg.kind === "nixl-prefill" ||
    (core.shared !== undefined && options.role === "prefill");
  const isDrain = kv.tokens > 0 && request.sampling.maxTokens === 1 && !request.stream;
  if (isPrefill) stats.add("prefills");
  else if (isDrain) stats.add("drains");
  else if (kv.tokens > 0 || options.role === "decode") stats.add("decodes");
  else stats.add("directs");
}
