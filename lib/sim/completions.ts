/** `/v1/completions`. Source: vLLM `vllm/entrypoints/openai/completion/`. @module */
import { ApiError, badRequest } from "./api_error.ts";
import { ChoiceLogprobs, type CompletionPlan, echoedText } from "./completions_plan.ts";
import { streamCompletion } from "./completions_stream.ts";
import { Generation } from "./generation.ts";
import { FINGERPRINT } from "./identity.ts";
import { grammarOf } from "./grammar.ts";
import { answer, type Call, createdAt, requestIdOf } from "./inference.ts";
import { isIdList, isInteger, type JsonObject } from "./json.ts";
import { completionLogprobs, promptLogprobs, promptLogprobsOf } from "./logprobs.ts";
import type { SimOptions } from "./options.ts";
import { boolField, intField, parseSampling, stringField } from "./sampling.ts";
import { SseStream } from "./sse_stream.ts";
import { idsWithin } from "./token_limit.ts";
import { encodeText, type TokenIds } from "./tokenizer.ts";
import { parseStreamUsage, usageJson } from "./usage.ts";
import { invalidField } from "./validation.ts";

/** Output tokens when the request does not say. */
const DEFAULT_MAX_TOKENS = 16;

/** Answer a completion request, streamed or whole. */
export async function completions(call: Call): Promise<void> {
  const { core, body, request, reply } = call;
  const stream = boolField(body, "stream");
  const usage = parseStreamUsage(body, stream);
  if ((stringField(body, "suffix") ?? "") !== "") {
    const problem = "suffix is only supported for models with FIM completion rendering";
    throw new ApiError(400, "BadRequestError", problem, "suffix");
  }
  const echo = boolField(body, "echo");
  const given = intField(body, "max_tokens");
  const echoOnly = echo && given === 0;
  const sampling = parseSampling(body, {
    maxTokens: echoOnly ? 1 : given ?? defaultLimit(core.options),
    maxTokensParam: "max_tokens",
    logprobs: completionLogprobs(body),
  });
  const plan: CompletionPlan = {
    id: `cmpl-${requestIdOf(call)}`,
    created: createdAt(core),
    model: call.model,
    sampling,
    echo,
    echoOnly,
    details: core.options.promptTokensDetails ? "cached" : "none",
    promptLogprobs: promptLogprobs(body, stream) ?? (echo ? sampling.logprobs : undefined),
    seed: core.options.seed,
  };
  const generation = await Generation.begin(core, {
    id: plan.id,
    path: request.path,
    prompts: cutPrompts(parsePrompts(body["prompt"], core.options.maxModelLen), body),
    sampling,
    grammar: grammarOf(body),
    kvParams: body["kv_transfer_params"],
    stream,
    signal: request.signal,
  });
  try {
    if (stream) {
      const events = new SseStream(core, reply, request);
      await streamCompletion(core, plan, generation, usage, events);
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

function defaultLimit({ overrideMaxNewTokens }: SimOptions): number {
  return Math.min(DEFAULT_MAX_TOKENS, overrideMaxNewTokens ?? DEFAULT_MAX_TOKENS);
}

/** Prompts as token ids. Throws a 400 on anything but the four forms of `prompt`. */
export function parsePrompts(prompt: unknown, maxModelLen: number): readonly TokenIds[] {
  const encoded = (text: string): TokenIds =>
    idsWithin(maxModelLen, encodeText(text, { bos: true }));
  if (typeof prompt === "string" && prompt !== "") return [encoded(prompt)];
  if (prompt === undefined || prompt === null || prompt === "") {
    throw badRequest("Either prompt or prompt_embeds must be provided and non-empty.", "prompt");
  }
  if (!Array.isArray(prompt)) throw wrongPrompt(prompt);
  const items: readonly unknown[] = prompt;
  if (items.length === 0) throw badRequest("You must pass at least one prompt");
  if (isIdList(items)) return [items];
  if (items.every((item) => typeof item === "string")) {
    return items.map((item) => item === "" ? [] : encoded(String(item)));
  }
  const lists = items.filter(isIdList);
  if (lists.length === items.length) return lists;
  throw wrongPrompt(prompt);
}

/** pydantic tries every form that a prompt may have; the first to complain names the place. */
function wrongPrompt(prompt: unknown): ApiError {
  const items: readonly unknown[] = Array.isArray(prompt) ? prompt : [];
  const at = items.findIndex((item) => !isInteger(item) || item < 0);
  const [place, value] = at < 0 ? ["prompt", prompt] : [`prompt.${at}`, items[at]];
  return invalidField("int_type", place, "Input should be a valid integer", value);
}

/** The ends of prompts that `truncate_prompt_tokens` leaves. */
function cutPrompts(prompts: readonly TokenIds[], body: JsonObject): readonly TokenIds[] {
  const count = intField(body, "truncate_prompt_tokens");
  return count === undefined || count < 1 ? prompts : prompts.map((ids) => ids.slice(-count));
}

function wholeAnswer(plan: CompletionPlan, generation: Generation, kvParams: unknown): string {
  const { id, created, model, sampling, details } = plan;
  const choices = generation.samples.map((sample, at) => {
    const prompt = generation.prompts[Math.floor(at / sampling.n)]?.ids ?? [];
    const text = echoedText(plan, prompt) + (plan.echoOnly ? "" : sample.text);
    const logprobs = new ChoiceLogprobs(plan, prompt).take(sample);
    const ids = sampling.returnTokenIds;
    const ofPrompt = plan.promptLogprobs === undefined
      ? null
      : promptLogprobsOf(prompt, plan.seed, plan.promptLogprobs);
    return `{"index":${at},"text":${JSON.stringify(text)},"logprobs":${logprobs},` +
      `"finish_reason":"${sample.finishReason ?? "length"}",` +
      `"stop_reason":${JSON.stringify(sample.stopReason)},` +
      `"token_ids":${ids ? JSON.stringify(sample.takeIds()) : "null"},` +
      `"prompt_logprobs":${JSON.stringify(ofPrompt)},` +
      `"prompt_token_ids":${ids ? JSON.stringify(prompt) : "null"},"routed_experts":null}`;
  });
  return `{"id":${JSON.stringify(id)},"object":"text_completion","created":${created},` +
    `"model":${JSON.stringify(model)},"choices":[${choices.join(",")}],"service_tier":null,` +
    `"system_fingerprint":"${FINGERPRINT}","usage":${usageJson(generation.usage(), details)},` +
    `"kv_transfer_params":${JSON.stringify(kvParams)},"ec_transfer_params":null,"metrics":null}`;
}
