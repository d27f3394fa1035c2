/** `/v1/messages`. Source: vLLM `vllm/entrypoints/anthropic/`. @module */
import { badRequest } from "./api_error.ts";
import { answerDialect, type NamedEvent } from "./chat_like.ts";
import type { Generation } from "./generation.ts";
import { type Call, requestIdOf } from "./inference.ts";
import { type JsonObject, objectOrEmpty } from "./json.ts";
import type { Sample } from "./sample.ts";
import { intField } from "./sampling.ts";
import { DONE } from "./sse_stream.ts";

/** Answer a request in Anthropic's dialect; `max_tokens` is required there. */
export async function messages(call: Call): Promise<void> {
  const { body, model } = call;
  const id = `msg_${requestIdOf(call)}`;
  const maxTokens = intField(body, "max_tokens");
  if (maxTokens === undefined) throw badRequest("max_tokens: Field required", "max_tokens");
  const given = body["messages"];
  if (!Array.isArray(given)) throw badRequest("messages: Field required", "messages");
  const system = systemText(body["system"]);
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
    maxTokensParam: "max_tokens",
    chat: {
      ...body,
      stop: body["stop_sequences"],
      messages: system === "" ? given : [{ role: "system", content: system }, ...given],
      tools: undefined,
      tool_choice: undefined,
    },
    whole: (generation, sample) =>
      message([{ type: "text", text: sample.text }], {
        ...stopOf(sample),
        usage: usageOf(generation),
      }),
    begin: (generation) => [
      event("message_start", {
        message: message([], {
          stop_reason: null,
          stop_sequence: null,
          usage: usageOf(generation),
        }),
      }),
      event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
    ],
    delta: (text) =>
      event("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
    finish: (generation, sample) => [
      event("content_block_stop", { index: 0 }),
      event("message_delta", { delta: stopOf(sample), usage: usageOf(generation) }),
      event("message_stop", {}),
    ],
    trailer: DONE,
  });
}

function stopOf(sample: Sample): JsonObject {
  if (typeof sample.stopReason === "string") {
    return { stop_reason: "stop_sequence", stop_sequence: sample.stopReason };
  }
  const reason = sample.finishReason === "length" ? "max_tokens" : "end_turn";
  return { stop_reason: reason, stop_sequence: null };
}

function usageOf(generation: Generation): JsonObject {
  const { prompt, completion } = generation.usage();
  return { input_tokens: prompt, output_tokens: completion };
}

function systemText(system: unknown): string {
  if (typeof system === "string") return system;
  if (!Array.isArray(system)) return "";
  return system.map((part: unknown) => String(objectOrEmpty(part)["text"] ?? "")).join("\n");
}
