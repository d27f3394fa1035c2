/** `/v1/completions`. Source: vLLM `vllm/entrypoints/openai/completion/`. @module */
import { badRequest } from "./api_error.ts";
import type { EngineCore } from "./core.ts";
import { Generation } from "./generation.ts";
import { grammarOf } from "./grammar.ts";
import { answer, type Call, createdAt, requestIdOf } from "./inference.ts";
import { isIdList } from "./json.ts";
import {
  completionLogprobs,
  completionLogprobsJson,
  promptLogprobs,
  promptLogprobsOf,
} from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import { boolField, intField, parseSampling, type Sampling, stringField } from "./sampling.ts";
import { DONE, SseStream } from "./sse_stream.ts";
import { runStream } from "./stream_loop.ts";
import { decodeIds, encodeText, type TokenIds } from "./tokenizer.ts";
import { parseStreamUsage, type StreamUsage, usageJson } from "./usage.ts";

/** Output tokens when the request does not say. */
const DEFAULT_MAX_TOKENS = 16;

interface Plan {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly sampling: Sampling;
  readonly echo: boolean;
  /** `echo` with `max_tokens: 0`: the prompt alone is wanted. */
  readonly echoOnly: boolean;
  readonly details: boolean;
  readonly promptLogprobs: number | undefined;
  readonly seed: number;
}

/** Answer a completion request, streamed or whole. */
export async function completions(call: Call): Promise<void> {
  const { core, body, request, reply } = call;
  const stream = boolField(body, "stream");
  const usage = parseStreamUsage(body, stream);
  if ((stringField(body, "suffix") ?? "") !== "") {
    throw badRequest("suffix is not currently supported", "suffix");
  }
  const echo = boolField(body, "echo");
  const given = intField(body, "max_tokens");
  const echoOnly = echo && given === 0;
  const sampling = parseSampling(body, {
    maxTokens: echoOnly ? 1 : given ?? DEFAULT_MAX_TOKENS,
    maxTokensParam: "max_tokens",
    logprobs: completionLogprobs(body),
  });
  const plan: Plan = {
    id: `cmpl-${requestIdOf(call)}`,
    created: createdAt(core),
    model: call.model,
    sampling,
    echo,
    echoOnly,
    details: core.options.promptTokensDetails,
    promptLogprobs: promptLogprobs(body, stream),
    seed: core.options.seed,
  };
  const generation = await Generation.begin(core, {
    id: plan.id,
    path: request.path,
    prompts: parsePrompts(body["prompt"]),
    sampling,
    grammar: grammarOf(body),
    kvParams: body["kv_transfer_params"],
    stream,
    signal: request.signal,
  });
  try {
    if (stream) {
      await streamAnswer(core, plan, generation, usage, new SseStream(core, reply, request));
    } else {
      await generation.finishAll();
      const kv = await generation.transferParams();
      await answer(call, wholeAnswer(plan, generation, kv));
    }
    generation.answered();
  } catch (error) {
    generation.fail(error);
    throw error;
  }
}

/** Prompts as token ids. Throws a 400 on anything but the four forms of `prompt`. */
export function parsePrompts(prompt: unknown): readonly TokenIds[] {
  if (typeof prompt === "string" && prompt !== "") return [encodeText(prompt, { bos: true })];
  if (Array.isArray(prompt) && prompt.length > 0) {
    if (isIdList(prompt)) return [prompt];
    const items: readonly unknown[] = prompt;
    if (items.every((item) => typeof item === "string" && item !== "")) {
      return items.map((item) => encodeText(String(item), { bos: true }));
    }
    const lists = items.filter((item) => isIdList(item) && item.length > 0).filter(isIdList);
    if (lists.length === items.length) return lists;
    throw badRequest("prompt: expected text, token ids, or a list of either", "prompt");
  }
  throw badRequest("Either prompt or prompt_embeds must be provided and non-empty.", "prompt");
}

function wholeAnswer(plan: Plan, generation: Generation, kvParams: unknown): string {
  const { id, created, model, sampling, details } = plan;
  const choices = generation.samples.map((sample, at) => {
    const prompt = generation.prompts[Math.floor(at / sampling.n)]?.ids ?? [];
    const text = (plan.echo ? decodeIds(prompt, true) : "") + (plan.echoOnly ? "" : sample.text);
    const logprobs = sampling.logprobs === undefined
      ? "null"
      : completionLogprobsJson(sample.takeLogprobs(), 0, sampling.tokensAsIds);
    const ids = sampling.returnTokenIds;
    const ofPrompt = plan.promptLogprobs === undefined
      ? null
      : promptLogprobsOf(prompt, plan.seed, plan.promptLogprobs);
    return `{"index":${at},"text":${JSON.stringify(text)},"logprobs":${logprobs},` +
      `"finish_reason":"${sample.finishReason ?? "length"}",` +
      `"stop_reason":${JSON.stringify(sample.stopReason)},` +
      `"token_ids":${ids ? JSON.stringify(sample.takeIds()) : "null"},` +
      `"prompt_logprobs":${JSON.stringify(ofPrompt)},` +
      `"prompt_token_ids":${ids ? JSON.stringify(prompt) : "null"}}`;
  });
  return `{"id":${JSON.stringify(id)},"object":"text_completion","created":${created},` +
    `"model":${JSON.stringify(model)},"choices":[${choices.join(",")}],"service_tier":null,` +
    `"system_fingerprint":null,"usage":${usageJson(generation.usage(), details)},` +
    `"kv_transfer_params":${JSON.stringify(kvParams)}}`;
}

async function streamAnswer(
  core: EngineCore,
  plan: Plan,
  generation: Generation,
  usage: StreamUsage,
  stream: SseStream,
): Promise<void> {
  const { id, created, model, sampling, details } = plan;
  const head = `data: {"id":${JSON.stringify(id)},"object":"text_completion",` +
    `"created":${created},"model":${JSON.stringify(model)},"choices":[`;
  const begun = new Set<Sample>();
  const offsets = new Map<Sample, number>();
  const simple = sampling.logprobs === undefined && !sampling.returnTokenIds && !plan.echo;

  const event = (sample: Sample, at: number): string => {
    const text = sample.takeDelta();
    const finish = sample.finishReason === undefined
      ? '"finish_reason":null,"stop_reason":null'
      : `"finish_reason":"${sample.finishReason}","stop_reason":${
        JSON.stringify(sample.stopReason)
      }`;
    const tail = usage.continuous
      ? `],"usage":${usageJson(sampleUsage(generation, sample, at, sampling.n), details)}}\n\n`
      : "]}\n\n";
    if (simple) {
      return `${head}{"index":${at},"text":${JSON.stringify(text)},"logprobs":null,${finish},` +
        `"prompt_token_ids":null,"token_ids":null}${tail}`;
    }
    const isFirst = !begun.has(sample);
    begun.add(sample);
    const prompt = generation.prompts[Math.floor(at / sampling.n)]?.ids ?? [];
    const echoed = plan.echo && isFirst ? decodeIds(prompt, true) : "";
    const offset = offsets.get(sample) ?? 0;
    offsets.set(sample, offset + text.length);
    const logprobs = sampling.logprobs === undefined
      ? "null"
      : completionLogprobsJson(sample.takeLogprobs(), offset, sampling.tokensAsIds);
    const ids = sampling.returnTokenIds;
    return `${head}{"index":${at},"text":${JSON.stringify(echoed + (plan.echoOnly ? "" : text))},` +
      `"logprobs":${logprobs},${finish},` +
      `"prompt_token_ids":${ids && isFirst ? JSON.stringify(prompt) : "null"},` +
      `"token_ids":${ids ? JSON.stringify(sample.takeIds()) : "null"}}${tail}`;
  };

  if (!await runStream(core, generation, stream, event)) return;
  if (usage.include) stream.add(`${head}],"usage":${usageJson(generation.usage(), details)}}\n\n`);
  stream.add(DONE);
  await stream.end();
}

/** Usage of one sample so far, as `continuous_usage_stats` reports it. */
function sampleUsage(
  generation: Generation,
  sample: Sample,
  at: number,
  n: number,
): { readonly prompt: number; readonly completion: number; readonly cached: number } {
  const prompt = generation.prompts[Math.floor(at / n)]?.ids.length ?? 0;
  return { prompt, completion: sample.tokens, cached: generation.cachedTokens };
}
