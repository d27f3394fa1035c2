/**
 * The bodies of a handoff's requests, each built new from the client's, by splicing.
 *
 * Source of the fields: vLLM `vllm/entrypoints/openai/{completion,chat_completion}/protocol.py`
 * and `vllm/entrypoints/serve/tokenize/protocol.py`.
 * @module
 */
import { type ByteParts, concatBytes, encodeUtf8, recordOf, shortUtf8 } from "../base/mod.ts";
import { fieldOf, JsonObject, objectOf, type RawJson } from "../openai/mod.ts";
import { forcesTool } from "./features.ts";
import { flagOf, type GenerationRequest } from "./generation.ts";
import { kvTagParams } from "./spec.ts";

/** Chat fields that `/tokenize` takes as they are. */
const TOKENIZED = [
  "messages",
  "tools",
  "chat_template",
  "chat_template_kwargs",
  "add_generation_prompt",
  "continue_final_message",
  "add_special_tokens",
  "media_io_kwargs",
  "mm_processor_kwargs",
] as const;

/** Fields that no leg takes from the client: they concern the answer, or the router sets them. */
const NEVER_FORWARDED = [
  "prompt",
  "messages",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "min_tokens",
  "min_completion_tokens",
  "n",
  "best_of",
  "echo",
  "suffix",
  "logprobs",
  "prompt_logprobs",
  "return_token_ids",
  "return_tokens_as_token_ids",
  "request_id",
  "add_special_tokens",
  "kv_transfer_params",
  "disagg_spec",
  "ec_transfer_params",
];

/** Chat fields that `/v1/completions` does not know, or reads as something else. */
const CHAT_ONLY = [
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "functions",
  "function_call",
  "response_format",
  "top_logprobs",
  "add_generation_prompt",
  "continue_final_message",
  "chat_template",
  "chat_template_kwargs",
  "media_io_kwargs",
  "mm_processor_kwargs",
  "documents",
  "reasoning_effort",
  "include_reasoning",
  "modalities",
  "audio",
  "prediction",
  "store",
  "metadata",
  "service_tier",
  "verbosity",
  "web_search_options",
];

const COMPLETIONS_REMOVES = new Set(NEVER_FORWARDED);
const CHAT_REMOVES = new Set([...NEVER_FORWARDED, ...CHAT_ONLY]);

const STOPS_TOO = {
  completions: new Set([...COMPLETIONS_REMOVES, "stop"]),
  chat: new Set([...CHAT_REMOVES, "stop"]),
} as const;

/**
 * What a leg to `/v1/completions` leaves out of a request of `form`; with `ownStops` also the stop
 * strings, which the router looks for itself. `include_stop_str_in_output`, which concerns stop tokens
 * too, stays.
 */
function legRemoves({ form }: GenerationRequest, ownStops: boolean): ReadonlySet<string> {
  if (ownStops) return form === "completions" ? STOPS_TOO.completions : STOPS_TOO.chat;
  return form === "completions" ? COMPLETIONS_REMOVES : CHAT_REMOVES;
}

/** The `/tokenize` request for a prompt given as text or messages. */
export function tokenizeBody(request: GenerationRequest): ByteParts {
  const { body, prompt } = request;
  const model = JSON.stringify(request.model);
  if (prompt.kind === "text") {
    return objectOf({
      model,
      prompt: prompt.raw,
      add_special_tokens: body.raw("add_special_tokens"),
    });
  }
  const carried = Object.fromEntries(TOKENIZED.map((key) => [key, body.raw(key)]));
  // `/tokenize` defaults `add_generation_prompt` to true and refuses both being true.
  const continues = flagOf(body, "continue_final_message") === true &&
    !body.has("add_generation_prompt");
  return objectOf({
    model,
    ...carried,
    ...(continues ? { add_generation_prompt: "false" } : {}),
  });
}

/** `logprobs` of a leg to `/v1/completions`, whose answer has what the chat form tells too. */
function legLogprobs({ logprobs }: GenerationRequest): string | undefined {
  return logprobs === undefined ? undefined : String(logprobs);
}

/** The prefill leg of mode P1: the prompt as ids, one token, no stream; `ownStops` as in `DecodeLeg`. */
export function prefillBodyP1(
  request: GenerationRequest,
  promptIds: Uint8Array,
  kvTransferParams: RawJson | undefined,
  ownStops = false,
): ByteParts {
  return request.body.edited({
    remove: legRemoves(request, ownStops),
    set: {
      model: JSON.stringify(request.model),
      prompt: promptIds,
      max_tokens: "1",
      // Without it the prefill engine could end an answer that must go on.
      min_tokens: request.minTokens > 0 ? "1" : undefined,
      logprobs: legLogprobs(request),
      vllm_xargs: safeXargs(request.body),
      stream: "false",
      kv_transfer_params: kvTransferParams,
    },
  });
}

/** Fields of a relayed request that its one-token legs do without. */
const NOT_FOR_ONE_TOKEN = new Set([
  "stream_options",
  "min_tokens",
  "min_completion_tokens",
  "n",
  "best_of",
  "echo",
  "logprobs",
  "top_logprobs",
  // Refused without `logprobs`.
  "logprob_token_ids",
  "return_token_ids",
  "kv_transfer_params",
  "disagg_spec",
  "ec_transfer_params",
]);

const NOT_FOR_ONE_TOKEN_NOR_THINKING = new Set([...NOT_FOR_ONE_TOKEN, "thinking"]);

/**
 * Whether a request to `/v1/messages` has a budget for thinking, which vLLM refuses when the limit
 * of the answer is not above it. The prompt is the same without, as it is not where thinking is
 * turned off.
 *
 * Source: vLLM `vllm/entrypoints/anthropic/protocol.py` (`validate_thinking_budget`; it makes an
 * exception for the NixlConnector's prefills alone) and `serving.py` (`_handle_thinking`).
 */
function budgetsThinking({ form, body }: GenerationRequest): boolean {
  if (form !== "messages") return false;
  const { type } = (fieldOf(body, "thinking") ?? {}) as { readonly type?: unknown };
  return type === "enabled";
}

/** What makes a request of each form generate one token. */
function oneToken({ form, body }: GenerationRequest): Readonly<Record<string, string | undefined>> {
  if (form === "responses") {
    // An engine may keep what it answers unless it is told not to.
    return { max_output_tokens: "1", store: "false" };
  }
  const newer = form === "chat" && body.has("max_completion_tokens");
  return { max_tokens: "1", max_completion_tokens: newer ? "1" : undefined };
}

/** A tool choice that forces none: a call cut after one token cannot be parsed. */
function relaxedToolChoice(request: GenerationRequest): string | undefined {
  if (!forcesTool(request)) return undefined;
  return request.form === "messages" ? '{"type":"auto"}' : '"auto"';
}

/** The client's own request with one token, not streamed, and with `more` members set. */
function oneTokenBody(
  request: GenerationRequest,
  params: RawJson | undefined,
  more: Readonly<Record<string, string | undefined>> = {},
): ByteParts {
  return request.body.edited({
    remove: budgetsThinking(request) ? NOT_FOR_ONE_TOKEN_NOR_THINKING : NOT_FOR_ONE_TOKEN,
    set: {
      model: JSON.stringify(request.model),
      ...oneToken(request),
      vllm_xargs: safeXargs(request.body),
      tool_choice: relaxedToolChoice(request),
      stream: "false",
      kv_transfer_params: params,
      ...more,
    },
  });
}

/**
 * The prefill leg of mode P1 whose answer tells the ids of its prompt: the client's own request made
 * safe.
 */
export function prefillBodyToldP1(
  request: GenerationRequest,
  kvTransferParams: RawJson | undefined,
): ByteParts {
  return oneTokenBody(request, kvTransferParams, {
    // Without it the prefill engine could end an answer that must go on.
    min_tokens: request.minTokens > 0 ? "1" : undefined,
    return_token_ids: "true",
    ...ownLogprobs(request),
  });
}

/** What the client's own endpoint takes as the number of alternatives per token. */
function ownLogprobs(
  request: GenerationRequest,
): Readonly<Record<string, string | undefined>> {
  const count = legLogprobs(request);
  if (count === undefined || request.form !== "chat") return { logprobs: count };
  return { logprobs: "true", top_logprobs: count };
}

/** The prefill leg of mode D1 and the other relays: the client's own request made safe. */
export function prefillBodyD1(
  request: GenerationRequest,
  kvTransferParams: RawJson | undefined,
): ByteParts {
  return oneTokenBody(request, kvTransferParams);
}

/** Ids with one more at the end, without parsing them. */
export function withToken(promptIds: Uint8Array, token: number): ByteParts {
  return [promptIds.subarray(0, promptIds.length - 1), shortUtf8(`,${token}]`)];
}

/** What the decode leg of mode P1 is made from. */
export interface DecodeLeg {
  readonly promptIds: Uint8Array;
  /** Undefined where the decode engine makes the first token as well. */
  readonly firstToken: number | undefined;
  /** Limit of the whole answer in tokens, the first token included; at least 2, or 1 without it. */
  readonly maxTokens: number;
  /** Ask for the ids of the generated tokens too. */
  readonly tokenIds: boolean;
  /** The router looks for the stop strings itself. */
  readonly ownStops?: boolean;
  /** For protocols whose decode engine is told where the KV is. */
  readonly kvTransferParams?: RawJson | undefined;
}

/**
 * The decode leg of mode P1: the prompt and the first token, budgets reduced by it, streamed.
 *
 * The decode engine takes the first token for prompt. So `presence_penalty` and
 * `frequency_penalty`, which count output alone, pass over it (`repetition_penalty` counts the
 * prompt too and does not), and with `seed` the engine's random numbers begin anew: above
 * temperature 0 such an answer is as likely as one engine's, and repeatable, but not the same.
 */
export function decodeBodyP1(request: GenerationRequest, leg: DecodeLeg): ByteParts {
  const { promptIds, firstToken } = leg;
  const known = firstToken === undefined ? 0 : 1;
  const minTokens = request.minTokens - known;
  return request.body.edited({
    remove: legRemoves(request, leg.ownStops === true),
    set: {
      model: JSON.stringify(request.model),
      prompt: firstToken === undefined ? promptIds : withToken(promptIds, firstToken),
      max_tokens: String(leg.maxTokens - known),
      min_tokens: minTokens > 0 ? String(minTokens) : undefined,
      stream: "true",
      stream_options: request.continuousUsage
        ? '{"include_usage":true,"continuous_usage_stats":true}'
        : '{"include_usage":true}',
      logprobs: legLogprobs(request),
      vllm_xargs: safeXargs(request.body),
      return_token_ids: leg.tokenIds ? "true" : undefined,
      kv_transfer_params: leg.kvTransferParams,
    },
  });
}

/** Ids with `more` at the end, without parsing them. */
export function withTokens(promptIds: Uint8Array, more: readonly number[]): Uint8Array {
  if (more.length === 0) return promptIds;
  const kept = promptIds.subarray(0, promptIds.length - 1);
  return concatBytes([kept, encodeUtf8(`,${more.join()}]`)]);
}

/**
 * The client's own request with its model's real name and without what only the router may set,
 * unless `trusted`; `kvTransferParams` are the router's own. With `tokenIds` the answer tells the ids
 * of its tokens, whether the client asks for them or not.
 */
export function originalBody(
  request: Pick<GenerationRequest, "body" | "model">,
  kvTransferParams?: RawJson,
  trusted = false,
  tokenIds = false,
): ByteParts {
  const { body, model } = request;
  const renamed = fieldOf(body, "model") === model ? undefined : JSON.stringify(model);
  const unsafe = !trusted && hasKvFields(body);
  if (renamed === undefined && !unsafe && kvTransferParams === undefined && !tokenIds) {
    return body.parts;
  }
  return body.edited({
    // CVE-2026-94622: params from outside can take a decode engine down.
    ...(unsafe ? { remove: KV_FIELD_SET } : {}),
    set: {
      model: renamed,
      vllm_xargs: unsafe ? safeXargs(body) : undefined,
      kv_transfer_params: kvTransferParams,
      return_token_ids: tokenIds ? "true" : undefined,
    },
  });
}

/** What keeps a request away from KV that LMCache's receiver holds for others. */
const DIRECT_TAG = kvTagParams("direct");

/**
 * The body of a request that one engine serves whole. `tagged`: LMCache looks its prompt up under
 * keys of its own. Otherwise a decode engine reads pages that wait for a handoff with the same
 * beginning, which then computes its prompt again and leaves the rest of its pages behind.
 *
 * Source: LMCache `lmcache/integration/vllm/vllm_v1_adapter.py` (`extract_request_configs`).
 */
export function directBody(
  request: Pick<GenerationRequest, "body" | "model">,
  { trusted, tagged }: { readonly trusted: boolean; readonly tagged: boolean },
): ByteParts {
  const kept = trusted && request.body.member("kv_transfer_params") !== undefined;
  return originalBody(request, tagged && !kept ? DIRECT_TAG : undefined, trusted);
}

/** Fields that arrange a transfer of KV. */
const KV_FIELDS = ["kv_transfer_params", "disagg_spec", "ec_transfer_params"] as const;

const KV_FIELD_SET: ReadonlySet<string> = new Set(KV_FIELDS);

/** Whether a request tries to arrange a transfer of KV itself. */
export function hasKvFields(body: GenerationRequest["body"]): boolean {
  return KV_FIELDS.some((key) => body.member(key) !== undefined) || hasKvXargs(body);
}

/**
 * Whether `vllm_xargs` holds such fields. vLLM makes its members arguments beside those that it
 * makes of the fields themselves, under the same names, unchecked: a number there ends an engine.
 *
 * Source: vLLM `vllm/entrypoints/openai/completion/protocol.py` (`to_sampling_params`).
 */
function hasKvXargs(body: GenerationRequest["body"]): boolean {
  const xargs = recordOf(fieldOf(body, "vllm_xargs"));
  return xargs !== undefined && KV_FIELDS.some((key) => Object.hasOwn(xargs, key));
}

/** `vllm_xargs` without them; undefined where it may stay as it is. */
function safeXargs(body: GenerationRequest["body"]): ByteParts | undefined {
  const raw = hasKvXargs(body) ? body.raw("vllm_xargs") : undefined;
  return raw === undefined ? undefined : new JsonObject(raw).edited({ remove: KV_FIELD_SET });
}
