/**
 * The render endpoints: a request as the ids it would be served with, without serving it.
 * Source: vLLM `vllm/entrypoints/scale_out/render/api_router.py` and
 * `vllm/entrypoints/scale_out/token_in_token_out/protocol.py` (`GenerateRequest`).
 * @module
 */
import { chatPromptIds } from "./chat_prompt.ts";
import { parsePrompts } from "./completions.ts";
import { type Call, requestIdOf } from "./inference.ts";
import { type JsonObject, objectOrEmpty } from "./json.ts";
import { chatLogprobs, completionLogprobs } from "./logprobs.ts";
import { boolField, intField, parseSampling, type Sampling } from "./sampling.ts";
import { idsWithin, outputLimit } from "./token_limit.ts";
import type { TokenIds } from "./tokenizer.ts";

/** Answer a chat request with a `GenerateRequest`. */
export async function renderChatRequest(call: Call): Promise<void> {
  const { body } = call;
  const id = `chatcmpl-${requestIdOf(call)}`;
  const longer = intField(body, "max_completion_tokens");
  const sampling = parseSampling(body, {
    maxTokens: longer ?? intField(body, "max_tokens"),
    maxTokensParam: longer === undefined ? "max_tokens" : "max_completion_tokens",
    logprobs: chatLogprobs(body),
  });
  const ids = idsWithin(call.core.options.maxModelLen, chatPromptIds(body));
  const maxTokens = outputLimit(call.core.options, ids, sampling);
  const reasoning = {
    reasoning_ended: false,
    reasoning_parser_kwargs: {
      chat_template_kwargs: {
        cohere_format: "cmd4",
        ...objectOrEmpty(body["chat_template_kwargs"]),
        add_generation_prompt: boolField(body, "add_generation_prompt", true),
        continue_final_message: boolField(body, "continue_final_message"),
      },
    },
  };
  // Markup is for the parsers of whoever makes an answer of the tokens.
  const plain = { ...sampling, skipSpecial: sampling.skipSpecial && !parses(call) };
  const request = generateRequest(call, { id, ids, sampling: plain, maxTokens, reasoning });
  await call.reply.json(200, JSON.stringify(request));
}

/** Answer a completion request with a `GenerateRequest` for each of its prompts. */
export async function renderCompletion(call: Call): Promise<void> {
  const { body } = call;
  const id = `cmpl-${requestIdOf(call)}`;
  const prompts = parsePrompts(body["prompt"], call.core.options.maxModelLen);
  const maxTokens = intField(body, "max_tokens");
  const sampling = parseSampling(body, {
    maxTokens,
    maxTokensParam: "max_tokens",
    logprobs: completionLogprobs(body),
  });
  const reasoning = { reasoning_ended: null, reasoning_parser_kwargs: null };
  const requests = prompts.map((ids, index) => {
    outputLimit(call.core.options, ids, sampling);
    const ofPrompt = prompts.length === 1 ? id : `${id}-${index}`;
    return generateRequest(call, { id: ofPrompt, ids, sampling, maxTokens, reasoning });
  });
  await call.reply.json(200, JSON.stringify(requests));
}

function parses({ core }: Call): boolean {
  return core.options.toolParser || core.options.reasoningParser !== "none";
}

/** One prompt that was rendered. */
interface Rendered {
  readonly id: string;
  readonly ids: TokenIds;
  readonly sampling: Sampling;
  readonly maxTokens: number | undefined;
  readonly reasoning: JsonObject;
}

function generateRequest({ body, model }: Call, rendered: Rendered): JsonObject {
  const { id, ids, reasoning } = rendered;
  return {
    request_id: id,
    token_ids: ids,
    token_offsets: null,
    features: null,
    content_parts: null,
    sampling_params: samplingParams(body, rendered),
    model,
    ...reasoning,
    return_token_ids: null,
    output_mode: "tokens",
    stream: body["stream"] === true,
    stream_options: null,
    cache_salt: null,
    priority: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
  };
}

/** `SamplingParams` without what is as by default and not said; 16 tokens are the default. */
function samplingParams(body: JsonObject, { sampling, maxTokens }: Rendered): JsonObject {
  const kvParams = body["kv_transfer_params"];
  const isStream = body["stream"] === true;
  return {
    presence_penalty: body["presence_penalty"] ?? 0,
    frequency_penalty: body["frequency_penalty"] ?? 0,
    repetition_penalty: body["repetition_penalty"] ?? 1,
    temperature: body["temperature"] ?? 1,
    top_p: body["top_p"] ?? 1,
    min_p: body["min_p"] ?? 0,
    stop: sampling.stop,
    stop_token_ids: [...sampling.stopTokenIds],
    ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
    ...(sampling.logprobs === undefined ? {} : { logprobs: sampling.logprobs }),
    ...(sampling.skipSpecial ? {} : { skip_special_tokens: false }),
    output_kind: isStream ? 1 : 2,
    skip_clone: true,
    ...(kvParams === undefined || kvParams === null
      ? {}
      : { extra_args: { kv_transfer_params: kvParams } }),
    bad_words: [],
    skip_reading_prefix_cache: false,
  };
}
