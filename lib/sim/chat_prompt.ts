/** The prompt of a chat request, for generation and for `/tokenize` alike. @module */
import { badRequest } from "./api_error.ts";
import { isRecord, type JsonObject, objectOrEmpty } from "./json.ts";
import { boolField } from "./sampling.ts";
import { invalidField, missingField } from "./validation.ts";
import { renderChat } from "./template.ts";
import { encodeText } from "./tokenizer.ts";

/** Token ids of the rendered messages. Throws a 400 on what vLLM refuses. */
export function chatPromptIds(body: JsonObject): number[] {
  const messages = messagesOf(body);
  const addGenerationPrompt = boolField(body, "add_generation_prompt", true);
  const continueFinalMessage = boolField(body, "continue_final_message");
  if (addGenerationPrompt && continueFinalMessage) {
    throw badRequest(
      "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
    );
  }
  const text = renderChat({
    messages,
    tools: toolsOf(body),
    templateKwargs: objectOrEmpty(body["chat_template_kwargs"]),
    addGenerationPrompt,
    continueFinalMessage,
  });
  return encodeText(text, { bos: boolField(body, "add_special_tokens") });
}

/** Throws a 400 on what are no messages. */
function messagesOf(body: JsonObject): readonly JsonObject[] {
  const messages = body["messages"];
  if (messages === undefined || messages === null) throw missingField("messages", body);
  if (!Array.isArray(messages)) {
    throw invalidField("list_type", "messages", "Input should be a valid list", messages);
  }
  if (messages.length === 0) {
    throw badRequest(
      "Cannot apply chat template to an empty conversation. Provide at least one message.",
    );
  }
  return messages.map((message: unknown, index): JsonObject => {
    if (isRecord(message) && typeof message["role"] === "string") return message;
    if (isRecord(message)) {
      throw missingField(`messages.${index}.ChatCompletionDeveloperMessageParam.role`, message);
    }
    // pydantic tries every kind of message; the first to complain names the place.
    const at = `messages.${index}.ChatCompletionDeveloperMessageParam`;
    throw invalidField("dict_type", at, "Input should be a valid dictionary", message);
  });
}

/** The request's tools; none with `tool_choice: "none"`. Throws a 400 on a malformed one. */
export function toolsOf(body: JsonObject): readonly JsonObject[] {
  const tools = body["tools"];
  if (tools === undefined || tools === null || body["tool_choice"] === "none") return [];
  if (!Array.isArray(tools)) {
    throw invalidField("list_type", "tools", "Input should be a valid list", tools);
  }
  return tools.map((tool: unknown, index): JsonObject => {
    const known = isRecord(tool) ? tool : {};
    if (!isRecord(known["function"])) throw missingField(`tools.${index}.function`, tool);
    if (typeof known["function"]["name"] === "string") return known;
    throw missingField(`tools.${index}.function.name`, known["function"]);
  });
}
