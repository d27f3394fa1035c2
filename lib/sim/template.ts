/** The chat template: messages and tools to one prompt text, in the ChatML manner. @module */
import { badRequest } from "./api_error.ts";
import { isRecord } from "./json.ts";

/** What a chat request gives to the template. */
export interface ChatPrompt {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly tools: readonly unknown[];
  readonly templateKwargs: Readonly<Record<string, unknown>>;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
}

const ROLES = new Set(["system", "developer", "user", "assistant", "tool", "function"]);

/**
 * The prompt text. Throws a 400 on messages vLLM would refuse.
 *
 * Template options and tools are part of the text, so a caller that drops them gets another prompt.
 */
export function renderChat(prompt: ChatPrompt): string {
  const { messages, tools, templateKwargs } = prompt;
  let text = "<s>";
  const preamble: string[] = [];
  if (Object.keys(templateKwargs).length > 0) {
    preamble.push(`# Options\n${JSON.stringify(templateKwargs)}`);
  }
  if (tools.length > 0) {
    preamble.push(`# Tools\n${tools.map((tool) => JSON.stringify(tool)).join("\n")}`);
  }
  if (preamble.length > 0) text += `<|im_start|>system\n${preamble.join("\n")}<|im_end|>\n`;
  messages.forEach((message, index) => {
    text += `<|im_start|>${roleOf(message, index)}\n${contentOf(message, index)}`;
    const isLast = index === messages.length - 1;
    if (!(isLast && prompt.continueFinalMessage)) text += "<|im_end|>\n";
  });
  if (prompt.addGenerationPrompt) text += "<|im_start|>assistant\n";
  return text;
}

function roleOf(message: Readonly<Record<string, unknown>>, index: number): string {
  const role = message["role"];
  if (typeof role !== "string" || !ROLES.has(role)) {
    throw badRequest(
      `messages[${index}].role: unexpected role ${JSON.stringify(role)}`,
      "messages",
    );
  }
  return role === "developer" ? "system" : role;
}

function contentOf(message: Readonly<Record<string, unknown>>, index: number): string {
  const calls = message["tool_calls"];
  let text = partsOf(message["content"], index);
  if (Array.isArray(calls)) {
    for (const call of calls) {
      const known = isRecord(call) ? call["function"] : undefined;
      text += `<tool_call>\n${JSON.stringify(known ?? call)}\n</tool_call>`;
    }
  }
  return text;
}

function partsOf(content: unknown, index: number): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) {
    throw badRequest(`messages[${index}].content: expected a string or a list`, "messages");
  }
  const parts = content.map((part: unknown): string => {
    if (isRecord(part)) {
      const { type, text } = part;
      if (typeof text === "string") return text;
      if (typeof type === "string" && /image|audio|video/.test(type)) return "<|image|>";
    }
    throw badRequest(
      `1 validation error for ValidatorIterator\n${index}\n  Unknown part ${JSON.stringify(part)}`,
    );
  });
  return parts.join("");
}
