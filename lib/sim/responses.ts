/** `/v1/responses`. Source: vLLM `vllm/entrypoints/openai/responses/`. @module */
import { badRequest } from "./api_error.ts";
import { answerDialect, type NamedEvent } from "./chat_like.ts";
import type { Generation } from "./generation.ts";
import { type Call, createdAt, requestIdOf } from "./inference.ts";
import { isRecord, type JsonObject } from "./json.ts";
import type { Sample } from "./sample.ts";
import { intField, stringField } from "./sampling.ts";

/** Answer a request whose `input` is text or a list of messages. */
export async function responses(call: Call): Promise<void> {
  const { body, core, model } = call;
  const requestId = requestIdOf(call);
  const id = `resp_${requestId}`;
  const itemId = `msg_${requestId}`;
  const instructions = stringField(body, "instructions");
  const messages = messagesOf(body["input"], instructions);
  const maxTokens = intField(body, "max_output_tokens");
  const created = createdAt(core);
  const response = (status: string, sample?: Sample, generation?: Generation): JsonObject => ({
    id,
    object: "response",
    created_at: created,
    status,
    model,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: instructions ?? null,
    metadata: null,
    output: sample === undefined ? [] : [item(itemId, "completed", [part(sample.text)])],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    max_output_tokens: maxTokens ?? null,
    usage: generation === undefined ? null : usageOf(generation),
  });
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  let sequence = 0;
  const event = (name: string, data: JsonObject): NamedEvent => ({
    name,
    data: { type: name, sequence_number: sequence++, ...data },
  });
  await answerDialect(call, {
    id,
    maxTokens,
    maxTokensParam: "max_output_tokens",
    chat: { ...body, messages },
    whole: (generation, sample) => response(statusOf(sample), sample, generation),
    begin: () => [
      event("response.created", { response: response("in_progress") }),
      event("response.in_progress", { response: response("in_progress") }),
      event("response.output_item.added", {
        output_index: 0,
        item: item(itemId, "in_progress", []),
      }),
      event("response.content_part.added", { ...place, part: part("") }),
    ],
    delta: (text) => event("response.output_text.delta", { ...place, delta: text, logprobs: [] }),
    finish: (generation, sample) => [
      event("response.output_text.done", { ...place, text: sample.text, logprobs: [] }),
      event("response.content_part.done", { ...place, part: part(sample.text) }),
      event("response.output_item.done", {
        output_index: 0,
        item: item(itemId, "completed", [part(sample.text)]),
      }),
      event(`response.${statusOf(sample)}`, {
        response: response(statusOf(sample), sample, generation),
      }),
    ],
    trailer: "",
  });
}

function statusOf(sample: Sample): string {
  return sample.finishReason === "length" ? "incomplete" : "completed";
}

function part(text: string): JsonObject {
  return { type: "output_text", text, annotations: [], logprobs: null };
}

function item(id: string, status: string, content: readonly JsonObject[]): JsonObject {
  return { id, type: "message", role: "assistant", status, content };
}

function usageOf(generation: Generation): JsonObject {
  const { prompt, completion, cached } = generation.usage();
  return {
    input_tokens: prompt,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: completion,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: prompt + completion,
  };
}

function messagesOf(input: unknown, instructions: string | undefined): readonly JsonObject[] {
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
