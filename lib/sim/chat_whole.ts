/** A chat answer as one JSON object. @module */
import { ChatOutput } from "./chat_output.ts";
import type { ChatPlan } from "./chat_plan.ts";
import type { Generation } from "./generation.ts";
import { FINGERPRINT } from "./identity.ts";
import type { JsonObject } from "./json.ts";
import { chatLogprobsJson, promptLogprobsOf } from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import { encodeText } from "./tokenizer.ts";
import type { ToolEvent } from "./tool_scanner.ts";
import { usageJson } from "./usage.ts";

/** The whole answer as JSON text. */
export function wholeChat(plan: ChatPlan, generation: Generation, kvParams: unknown): string {
  const { id, created, model, sampling, details } = plan;
  const parts = generation.samples.map((sample) => partsOf(plan, sample));
  const thoughts = parts.reduce((sum, { reasoning }) => sum + encodeText(reasoning).length, 0);
  const usage = usageJson(generation.usage(), details, plan.countsReasoning ? thoughts : undefined);
  const [prompt] = generation.prompts;
  return JSON.stringify({
    id,
    object: "chat.completion",
    created,
    model,
    choices: parts.map((each) => choiceOf(plan, each)),
    service_tier: null,
    system_fingerprint: FINGERPRINT,
    usage: JSON.parse(usage),
    prompt_logprobs: plan.promptLogprobs === undefined
      ? null
      : promptLogprobsOf(prompt?.ids ?? [], plan.seed, plan.promptLogprobs),
    prompt_token_ids: sampling.returnTokenIds ? prompt?.ids : null,
    prompt_text: null,
    kv_transfer_params: kvParams,
    ec_transfer_params: null,
    metrics: null,
  });
}

/** A call as an answer has it. */
interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; arguments: string };
}

/** One output in its parts. */
interface Parts {
  readonly sample: Sample;
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly ToolCall[];
}

function partsOf(plan: ChatPlan, sample: Sample): Parts {
  const { text } = sample;
  const output = new ChatOutput(plan.mode);
  const { content, reasoning, tools } = output.add(text, true);
  if (!output.open) return { sample, content, reasoning, calls: callsOf(plan, tools) };
  // Markup of a call that was cut short is content, from the first call on.
  const plain = new ChatOutput({ ...plan.mode, tools: false }).add(text, true);
  return { sample, content: plain.content, reasoning: plain.reasoning, calls: [] };
}

function callsOf({ toolId }: ChatPlan, events: readonly ToolEvent[]): readonly ToolCall[] {
  const calls: ToolCall[] = [];
  for (const event of events) {
    if (event.kind === "begin") {
      const known = { name: event.name, arguments: "" };
      calls.push({ id: toolId(), type: "function", function: known });
    } else {
      const call = calls[event.index];
      if (call !== undefined) call.function.arguments += event.text;
    }
  }
  return calls;
}

function choiceOf(plan: ChatPlan, { sample, content, reasoning, calls }: Parts): JsonObject {
  const { sampling, mode, named, hidesReasoning } = plan;
  const shown = calls.length > 0 && content.trim() === "" ? "" : content;
  const text = plan.echo + shown;
  // Without thoughts, and without a parser, no content is empty content.
  const isAbsent = calls.length > 0 ? !named : mode.reasoning && reasoning !== "";
  const byTools = calls.length > 0 && !named && sample.finishReason === "stop";
  const logprobs = sampling.logprobs === undefined || hidesReasoning ? null : JSON.parse(
    chatLogprobsJson(sample.takeLogprobs(), sampling.logprobs, sampling.tokensAsIds),
  );
  return {
    index: sample.index,
    message: {
      role: "assistant",
      content: text === "" && isAbsent ? null : text,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      reasoning: reasoning === "" || hidesReasoning ? null : reasoning,
    },
    logprobs,
    finish_reason: byTools ? "tool_calls" : sample.finishReason,
    stop_reason: sample.stopReason,
    token_ids: sampling.returnTokenIds && !hidesReasoning ? sample.takeIds() : null,
    routed_experts: null,
  };
}
