/** The prompt of a chat request, for generation and for `/tokenize` alike. @module */
import { badRequest } from "./api_error.ts";
import { isRecord, type JsonObject, objectOrEmpty } from "./json.ts";
import { boolField } from "./sampling.ts";
import { renderChat } from "./template.ts";
import { encodeText } from "./tokenizer.ts";

/** Token ids of the rendered messages. Throws a 400 on what vLLM refuses. */
export function chatPromptIds(body: JsonObject): number[] {
  const messages = body["messages"];
  if (!Array.isArray(messages) || messages.length === 0) {
    throw badRequest("messages: Field required, a list of at least one message", "messages");
  }
  const checked = messages.map((message: unknown, index): JsonObject => {
    if (isRecord(message)) return message;
    throw badRequest(`messages[${index}]: Input should be a valid dictionary`, "messages");
  });
  const addGenerationPrompt = boolField(body, "add_generation_prompt", true);
  const continueFinalMessage = boolField(body, "continue_final_message");
  if (addGenerationPrompt && continueFinalMessage) {
    throw badRequest(
      "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
    );
  }
  const text = renderChat({
    messages: checked,
    tools: toolsOf(body),
    templateKwargs: objectOrEmpty(body["chat_template_kwargs"]),
    addGenerationPrompt,
    continueFinalMessage,
  });
  return encodeText(text, { bos: boolField(body, "add_special_tokens") });
}

/** The request's tools; none with `tool_choice: "none"`. Throws a 400 on a malformed one. */
export function toolsOf(body: JsonObject): readonly JsonObject[] {
  const tools = body["tools"];
  if (tools === undefined || tools === null || body["tool_choice"] === "none") return [];
  if (!Array.isArray(tools)) throw badRequest("tools: Input should be a valid list", "tools");
  return tools.map((tool: unknown, index): JsonObject => {
    const known = isRecord(tool) && isRecord(tool["function"]) ? tool : undefined;
    if (known === undefined || typeof objectOrEmpty(known["function"])["name"] !== "string") {
      throw badRequest(`tools[${index}].function.name: Field required`, "tools");
    }
    return known;
  });
}
