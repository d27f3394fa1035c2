/** `/v1/responses`. Source: vLLM `vllm/entrypoints/openai/responses/`. @module */
import { ApiError, badRequest } from "./api_error.ts";
import { answerDialect, type NamedEvent } from "./chat_like.ts";
import type { Generation } from "./generation.ts";
import { type Call, createdAt, requestIdOf } from "./inference.ts";
import { randomHex } from "./identity.ts";
import { isRecord, type JsonObject } from "./json.ts";
import type { Sample } from "./sample.ts";
import { intField, numberField, stringField } from "./sampling.ts";
import { missingField } from "./validation.ts";

/** Answer a request whose `input` is text or a list of messages. */
export async function responses(call: Call): Promise<void> {
  const { body, core, model } = call;
  const earlier = stringField(body, "previous_response_id");
  if (earlier !== undefined) throw unknownResponse(earlier);
  const requestId = requestIdOf(call);
  const id = `resp_${requestId}`;
  const itemId = `msg_${randomHex(core.random)}`;
  const instructions = stringField(body, "instructions");
  const messages = messagesOf(body, instructions);
  const maxTokens = intField(body, "max_output_tokens");
  const created = createdAt(core);
  const response = (
    status: string,
    sample?: Sample,
    generation?: Generation,
    kvParams: unknown = null,
  ): JsonObject => ({
    id,
    created_at: created,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: instructions ?? null,
    metadata: null,
    model,
    object: "response",
    output: sample === undefined ? [] : [item(itemId, "completed", [part(sample.text, null)])],
    parallel_tool_calls: true,
    temperature: numberField(body, "temperature") ?? 1,
    tool_choice: "none",
    tools: [],
    top_p: numberField(body, "top_p") ?? 1,
    background: false,
    max_output_tokens: maxTokens ?? null,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: null,
    service_tier: "auto",
    status,
    text: null,
    top_logprobs: null,
    truncation: "disabled",
    usage: generation === undefined ? null : usageOf(generation),
    user: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    kv_transfer_params: kvParams,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  });
  let sequence = 0;
  const event = (name: string, data: JsonObject): NamedEvent => ({
    name,
    data: { ...data, sequence_number: sequence++, type: name },
  });
  const place = { item_id: itemId, output_index: 0 };
  await answerDialect(call, {
    id,
    maxTokens,
    maxTokensParam: "max_output_tokens",
    chat: { ...body, messages },
    whole: (generation, sample, params) => response(statusOf(sample), sample, generation, params),
    begin: () => [
      event("response.created", { response: response("in_progress") }),
      event("response.in_progress", { response: response("in_progress") }),
      event("response.output_item.added", {
        item: item(itemId, "in_progress", []),
        output_index: 0,
      }),
      event("response.content_part.added", { content_index: 0, ...place, part: part("", []) }),
    ],
    delta: (delta) =>
      event("response.output_text.delta", {
        content_index: 0,
        delta,
        item_id: itemId,
        logprobs: [],
        output_index: 0,
      }),
    finish: (generation, sample) => [
      textDone(event, itemId, sample.text),
      event("response.content_part.done", {
        content_index: 0,
        ...place,
        part: part(sample.text, null),
      }),
      event("response.output_item.done", {
        item: item(itemId, "completed", [part(sample.text, null)]),
        output_index: 0,
      }),
      // An answer cut for its length is told so by its status alone.
      event("response.completed", { response: response(statusOf(sample), sample, generation) }),
    ],
  });
}

/** Its text comes behind the sequence number. */
function textDone(
  event: (name: string, data: JsonObject) => NamedEvent,
  itemId: string,
  text: string,
): NamedEvent {
  const { name, data } = event("response.output_text.done", {
    content_index: 0,
    item_id: itemId,
    logprobs: [],
    output_index: 0,
  });
  const { type, ...rest } = data;
  return { name, data: { ...rest, text, type } };
}

/** The 404 of a response that is not kept: none is. */
export function unknownResponse(id: string): ApiError {
  const problem = `Response with id '${id}' not found.`;
  return new ApiError(404, "invalid_request_error", problem, "response_id");
}

function statusOf(sample: Sample): string {
  return sample.finishReason === "length" ? "incomplete" : "completed";
}

function part(text: string, logprobs: readonly unknown[] | null): JsonObject {
  return { annotations: [], text, type: "output_text", logprobs };
}

function item(id: string, status: string, content: readonly JsonObject[]): JsonObject {
  return { id, content, role: "assistant", status, type: "message", phase: null };
}

function usageOf(generation: Generation): JsonObject {
  const { prompt, completion, cached, created } = generation.usage();
  return {
    input_tokens: prompt,
    input_tokens_details: {
      cached_tokens: cached,
      cache_write_tokens: created,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: completion,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: prompt + completion,
  };
}

function messagesOf(body: JsonObject, instructions: string | undefined): readonly JsonObject[] {
  const { input } = body;
  if (input === undefined || input === null) throw missingField("input", body);
  const system = instructions === undefined ? [] : [{ role: "system", content: instructions }];
  if (typeof input === "string") return [...system, { role: "user", content: input }];
  if (!Array.isArray(input) || input.length === 0) {
    throw badRequest("input: expected text or a list of messages", "input");
  }
  const messages = input.map((each: unknown): JsonObject => {
    if (isRecord(each) && typeof each["role"] === "string") {
      return { role: each["role"], content: each["content"] };
    }
    throw badRequest("input: expected messages with a role", "input");
  });
  return [...system, ...messages];
}
