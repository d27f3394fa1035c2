/** `/v1/chat/completions`. Source: vLLM `vllm/entrypoints/openai/chat_completion/`. @module */
import { type ApiError, badRequest } from "./api_error.ts";
import type { ChatPlan } from "./chat_plan.ts";
import { chatPromptIds, toolsOf } from "./chat_prompt.ts";
import { streamChat } from "./chat_stream.ts";
import { wholeChat } from "./chat_whole.ts";
import { Generation } from "./generation.ts";
import { grammarOf, minimalValue } from "./grammar.ts";
import { answer, type Call, createdAt, requestIdOf } from "./inference.ts";
import { randomHex } from "./identity.ts";
import { isRecord, type JsonObject, objectOrEmpty } from "./json.ts";
import { chatLogprobs, promptLogprobs } from "./logprobs.ts";
import type { SimOptions } from "./options.ts";
import { boolField, intField, parseSampling } from "./sampling.ts";
import { SseStream } from "./sse_stream.ts";
import { idsWithin } from "./token_limit.ts";
import { encodeText, type TokenIds } from "./tokenizer.ts";
import { invalidBody } from "./validation.ts";
import { parseStreamUsage } from "./usage.ts";

/** Answer a chat request, streamed or whole. */
export async function chat(call: Call): Promise<void> {
  const { core, body, request, reply } = call;
  const stream = boolField(body, "stream");
  const usage = parseStreamUsage(body, stream);
  checkEffort(body["reasoning_effort"]);
  const longer = intField(body, "max_completion_tokens");
  const sampling = parseSampling(body, {
    maxTokens: longer ?? intField(body, "max_tokens"),
    maxTokensParam: longer === undefined ? "max_tokens" : "max_completion_tokens",
    logprobs: chatLogprobs(body),
  });
  const { tools, named, grammar } = toolUse(core.options, body);
  const { toolParser, reasoningParser } = core.options;
  const echo = boolField(body, "echo");
  const mode = { tools, reasoning: reasoningParser !== "none" };
  const plan: ChatPlan = {
    id: `chatcmpl-${requestIdOf(call)}`,
    created: createdAt(core),
    model: call.model,
    sampling,
    mode,
    echo: echo ? lastAssistantText(body) : "",
    details: core.options.promptTokensDetails ? "created" : "none",
    parsed: toolParser || mode.reasoning,
    countsReasoning: reasoningParser === "counted",
    hidesReasoning: mode.reasoning && !boolField(body, "include_reasoning", true),
    named,
    promptLogprobs: promptLogprobs(body, stream) ??
      (echo ? intField(body, "top_logprobs") ?? 0 : undefined),
    seed: core.options.seed,
    toolId: () => `chatcmpl-tool-${randomHex(core.random)}`,
  };
  const generation = await Generation.begin(core, {
    id: plan.id,
    path: request.path,
    prompts: [idsWithin(core.options.maxModelLen, chatPromptIds(body))],
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
      await answer(call, wholeChat(plan, generation, kv));
    }
    generation.answered();
  } catch (error) {
    generation.fail(error);
    throw error;
  }
}

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

function checkEffort(effort: unknown): void {
  if (effort === undefined || effort === null || EFFORTS.some((each) => each === effort)) return;
  const known = EFFORTS.map((each) => `'${each}'`);
  const expected = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
  throw invalidBody([{
    type: "literal_error",
    at: "reasoning_effort",
    message: `Input should be ${expected}`,
    input: effort,
    context: `'expected': "${expected}"`,
  }]);
}

/** What tools make of a request. */
interface ToolUse {
  /** Calls are looked for. */
  readonly tools: boolean;
  /** One function is asked for by name. */
  readonly named: boolean;
  /** The call that is forced: markup of the tool parser, as its structural tag has it. */
  readonly grammar: TokenIds | undefined;
}

/** How tools shape the output. Throws a 400 on a `tool_choice` that fits no tool or no parser. */
function toolUse({ toolParser }: SimOptions, body: JsonObject): ToolUse {
  const tools = toolsOf(body);
  if (Array.isArray(body["tools"]) && body["tools"].length === 0) {
    throw badRequest(
      "`tools` must not be an empty array. Either provide at least one tool or omit the field " +
        "entirely.",
      "tools",
    );
  }
  const choice = body["tool_choice"];
  if (choice === undefined || choice === null || choice === "auto") {
    if (choice === "auto" && tools.length === 0) throw noTools();
    if (tools.length > 0 && !toolParser) {
      throw badRequest(
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
      );
    }
    return { tools: tools.length > 0, named: false, grammar: undefined };
  }
  if (choice === "none") return { tools: false, named: false, grammar: undefined };
  if (tools.length === 0) throw noTools();
  const known = chosenTool(tools, choice);
  const named = choice !== "required";
  if (!toolParser) {
    const asked = named ? `function "${String(known["name"])}"` : '"required"';
    throw badRequest(`tool_choice=${asked} requires --tool-call-parser to be set`);
  }
  const forced = JSON.stringify({ name: known["name"], arguments: argumentsFor(known) });
  const grammar = encodeText(`<tool_call>\n${forced}\n</tool_call>`);
  return { tools: true, named, grammar };
}

function noTools(): ApiError {
  return badRequest("When using `tool_choice`, `tools` must be set.", "tool_choice");
}

/** The function that a `tool_choice` of `required` or by name calls. */
function chosenTool(tools: readonly JsonObject[], choice: unknown): JsonObject {
  const known = tools.map((tool) => objectOrEmpty(tool["function"]));
  if (choice !== "required" && !isRecord(choice)) {
    throw badRequest(
      `Invalid value for \`tool_choice\`: ${String(choice)}! Only named tools, "none", "auto" or ` +
        '"required" are supported.',
      "tool_choice",
    );
  }
  const name = isRecord(choice) ? objectOrEmpty(choice["function"])["name"] : undefined;
  const chosen = choice === "required" ? known[0] : known.find((each) => each["name"] === name);
  if (chosen !== undefined) return chosen;
  throw badRequest(
    "The tool specified in `tool_choice` does not match any of the specified `tools`",
    "tool_choice",
  );
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
