/** `/v1/chat/completions`. Source: vLLM `vllm/entrypoints/openai/chat_completion/`. @module */
import { badRequest, internalError } from "./api_error.ts";
import { ChatOutput, type OutputMode } from "./chat_output.ts";
import { chatPromptIds, toolsOf } from "./chat_prompt.ts";
import { streamChat } from "./chat_stream.ts";
import { Generation } from "./generation.ts";
import { grammarOf, minimalValue } from "./grammar.ts";
import { answer, type Call, createdAt, requestIdOf } from "./inference.ts";
import { isRecord, type JsonObject, objectOrEmpty } from "./json.ts";
import { chatLogprobs, chatLogprobsJson, promptLogprobs, promptLogprobsOf } from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import { boolField, intField, parseSampling, type Sampling } from "./sampling.ts";
import { SseStream } from "./sse_stream.ts";
import { encodeText, type TokenIds } from "./tokenizer.ts";
import { parseStreamUsage, usageJson } from "./usage.ts";

/** What all answers of one chat request share. */
export interface ChatPlan {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly sampling: Sampling;
  readonly mode: OutputMode;
  /** Text of a final assistant message to repeat before the output, with `echo`. */
  readonly echo: string;
  readonly details: boolean;
  readonly promptLogprobs: number | undefined;
  readonly seed: number;
  /** A fresh id for a tool call. */
  readonly toolId: () => string;
}

/** Answer a chat request, streamed or whole. */
export async function chat(call: Call): Promise<void> {
  const { core, body, request, reply } = call;
  const stream = boolField(body, "stream");
  const usage = parseStreamUsage(body, stream);
  const longer = intField(body, "max_completion_tokens");
  const sampling = parseSampling(body, {
    maxTokens: longer ?? intField(body, "max_tokens"),
    maxTokensParam: longer === undefined ? "max_tokens" : "max_completion_tokens",
    logprobs: chatLogprobs(body),
  });
  const { mode, grammar } = toolMode(body);
  const plan: ChatPlan = {
    id: `chatcmpl-${requestIdOf(call)}`,
    created: createdAt(core),
    model: call.model,
    sampling,
    mode,
    echo: boolField(body, "echo") ? lastAssistantText(body) : "",
    details: core.options.promptTokensDetails,
    promptLogprobs: promptLogprobs(body, stream),
    seed: core.options.seed,
    toolId: () => `chatcmpl-tool-${core.random.uuid().replaceAll("-", "")}`,
  };
  const generation = await Generation.begin(core, {
    id: plan.id,
    path: request.path,
    prompts: [chatPromptIds(body)],
    sampling,
    grammar: grammar ?? grammarOf(body),
    kvParams: body["kv_transfer_params"],
    stream,
    signal: request.signal,
  });
  try {
    if (stream) {
      await streamChat(core, plan, generation, usage, new SseStream(core, reply, request));
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

/** How tools shape the output. Throws a 400 on a `tool_choice` that fits no tool. */
function toolMode(
  body: JsonObject,
): { readonly mode: OutputMode; readonly grammar: TokenIds | undefined } {
  const tools = toolsOf(body);
  const choice = body["tool_choice"];
  const auto: OutputMode = { kind: "auto", tools: tools.length > 0 };
  if (choice === undefined || choice === null || choice === "auto" || choice === "none") {
    return { mode: auto, grammar: undefined };
  }
  if (tools.length === 0) {
    throw badRequest("When using `tool_choice`, `tools` must be set.", "tool_choice");
  }
  if (choice === "required") {
    const [first] = tools;
    const known = objectOrEmpty(first?.["function"]);
    const forced = JSON.stringify([{ name: known["name"], parameters: argumentsFor(known) }]);
    return { mode: { kind: "required" }, grammar: encodeText(forced) };
  }
  const name = isRecord(choice) ? objectOrEmpty(choice["function"])["name"] : undefined;
  const named = tools.map((tool) => objectOrEmpty(tool["function"]))
    .find((known) => known["name"] === name);
  if (named === undefined || typeof name !== "string") {
    throw badRequest(
      "The tool specified in `tool_choice` does not match any of the specified `tools`",
      "tool_choice",
    );
  }
  const grammar = encodeText(JSON.stringify(argumentsFor(named)));
  return { mode: { kind: "named", name }, grammar };
}

function argumentsFor(known: JsonObject): unknown {
  const schema = objectOrEmpty(known["parameters"]);
  return minimalValue({ type: "object", ...schema }, schema, 0);
}

function lastAssistantText(body: JsonObject): string {
  const messages = body["messages"];
  const last: unknown = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (!isRecord(last) || last["role"] !== "assistant") return "";
  return typeof last["content"] === "string" ? last["content"] : "";
}

function wholeAnswer(plan: ChatPlan, generation: Generation, kvParams: unknown): string {
  const { id, created, model, sampling, details } = plan;
  const choices = generation.samples.map((sample) => wholeChoice(plan, sample));
  const [prompt] = generation.prompts;
  return JSON.stringify({
    id,
    object: "chat.completion",
    created,
    model,
    choices,
    service_tier: null,
    system_fingerprint: null,
    usage: JSON.parse(usageJson(generation.usage(), details)),
    prompt_logprobs: plan.promptLogprobs === undefined
      ? null
      : promptLogprobsOf(prompt?.ids ?? [], plan.seed, plan.promptLogprobs),
    prompt_token_ids: sampling.returnTokenIds ? prompt?.ids : null,
    kv_transfer_params: kvParams,
  });
}

function wholeChoice(plan: ChatPlan, sample: Sample): JsonObject {
  const { sampling, mode } = plan;
  const output = new ChatOutput(mode);
  const { content, reasoning, tools } = output.add(sample.text, true);
  if (mode.kind === "required" && (output.calls === 0 || !output.complete)) {
    // vLLM parses a forced list of calls as a whole; one cut short by max_tokens is a 500.
    throw internalError("Invalid JSON: the list of tool calls is incomplete");
  }
  const calls: { id: string; type: string; function: { name: string; arguments: string } }[] = [];
  for (const event of tools) {
    if (event.kind === "begin") {
      const known = { name: event.name, arguments: "" };
      calls.push({ id: plan.toolId(), type: "function", function: known });
    } else {
      const call = calls[event.index];
      if (call !== undefined) call.function.arguments += event.text;
    }
  }
  const text = plan.echo + content;
  const byTools = calls.length > 0 && mode.kind !== "named" && sample.finishReason === "stop";
  return {
    index: sample.index,
    message: {
      role: "assistant",
      content: text === "" && calls.length > 0 ? null : text,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      reasoning: reasoning === "" ? null : reasoning,
    },
    logprobs: sampling.logprobs === undefined ? null : JSON.parse(
      chatLogprobsJson(sample.takeLogprobs(), sampling.logprobs, sampling.tokensAsIds),
    ),
    finish_reason: byTools ? "tool_calls" : sample.finishReason,
    stop_reason: sample.stopReason,
    token_ids: sampling.returnTokenIds ? sample.takeIds() : null,
  };
}
