/** `/v1/messages`. Source: vLLM `vllm/entrypoints/anthropic/`. @module */
import { answerDialect, type NamedEvent } from "./chat_like.ts";
import { chatPromptIds } from "./chat_prompt.ts";
import type { Generation } from "./generation.ts";
import { type Call, requestIdOf } from "./inference.ts";
import { type JsonObject, objectOrEmpty } from "./json.ts";
import type { Sample } from "./sample.ts";
import { intField } from "./sampling.ts";
import { invalidField, missingField } from "./validation.ts";

/** Answer a request in Anthropic's dialect; `max_tokens` is required there. */
export async function messages(call: Call): Promise<void> {
  const { body, model } = call;
  const id = `chatcmpl-${requestIdOf(call)}`;
  const maxTokens = intField(body, "max_tokens");
  const messages = chatMessages(body);
  if (maxTokens === undefined) throw missingField("max_tokens", body);
  const message = (content: readonly JsonObject[], rest: JsonObject): JsonObject => ({
    id,
    type: "message",
    role: "assistant",
    content,
    model,
    ...rest,
  });
  const event = (name: string, data: JsonObject): NamedEvent => ({
    name,
    data: { type: name, ...data },
  });
  await answerDialect(call, {
    id,
    maxTokens,
    maxTokensParam: "max_completion_tokens",
    chat: {
      ...body,
      stop: body["stop_sequences"],
      messages,
      tools: undefined,
      tool_choice: undefined,
    },
    whole: (generation, sample, params) =>
      message([{ type: "text", text: sample.text }], {
        ...withoutNull(stopOf(sample)),
        usage: usageOf(call, generation),
        ...(params === null ? {} : { kv_transfer_params: params }),
      }),
    begin: (generation) => [
      event("message_start", {
        message: message([], {
          stop_reason: null,
          stop_sequence: null,
          usage: { ...usageOf(call, generation), output_tokens: 0 },
        }),
      }),
      event("content_block_start", { content_block: { type: "text", text: "" }, index: 0 }),
    ],
    delta: (text) =>
      event("content_block_delta", { delta: { type: "text_delta", text }, index: 0 }),
    finish: (generation, sample) => [
      event("content_block_stop", { index: 0 }),
      event("message_delta", { delta: stopOf(sample), usage: usageOf(call, generation) }),
      event("message_stop", {}),
    ],
  });
}

function stopOf(sample: Sample): JsonObject {
  if (typeof sample.stopReason === "string") {
    return { stop_reason: "stop_sequence", stop_sequence: sample.stopReason };
  }
  const reason = sample.finishReason === "length" ? "max_tokens" : "end_turn";
  return { stop_reason: reason, stop_sequence: null };
}

function usageOf({ core }: Call, generation: Generation): JsonObject {
  const { prompt, completion, cached, created } = generation.usage();
  const details = { cache_creation_input_tokens: created, cache_read_input_tokens: cached };
  return {
    input_tokens: prompt,
    output_tokens: completion,
    ...(core.options.promptTokensDetails ? details : {}),
  };
}

/** `POST /v1/messages/count_tokens`. */
export async function countTokens(call: Call): Promise<void> {
  const tokens = chatPromptIds({ messages: chatMessages(call.body) }).length;
  const context = { original_input_tokens: tokens };
  await call.reply.json(
    200,
    JSON.stringify({ input_tokens: tokens, context_management: context }),
  );
}

/** The messages as a chat has them, the system prompt first. */
function chatMessages(body: JsonObject): readonly unknown[] {
  const given = body["messages"];
  if (given === undefined || given === null) throw missingField("messages", body);
  if (!Array.isArray(given)) {
    throw invalidField("list_type", "messages", "Input should be a valid list", given);
  }
  const system = systemText(body["system"]);
  return system === "" ? given : [{ role: "system", content: system }, ...given];
}

function withoutNull(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

function systemText(system: unknown): string {
  if (typeof system === "string") return system;
  if (!Array.isArray(system)) return "";
  return system.map((part: unknown) => String(objectOrEmpty(part)["text"] ?? "")).join("\n");
}
