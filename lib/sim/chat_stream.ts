/** The event stream of a chat answer. @module */
import { ChatOutput, type OutputDelta } from "./chat_output.ts";
import type { ChatPlan } from "./chat_plan.ts";
import type { EngineCore } from "./core.ts";
import type { Generation } from "./generation.ts";
import { FINGERPRINT } from "./identity.ts";
import { chatLogprobsJson } from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import { DONE, type SseStream } from "./sse_stream.ts";
import { runStream } from "./stream_loop.ts";
import type { ToolEvent } from "./tool_scanner.ts";
import { finalUsageJson, runningUsageJson, type StreamUsage } from "./usage.ts";

/** Send the whole stream: role chunks, deltas, usage, `[DONE]`. */
export async function streamChat(
  core: EngineCore,
  plan: ChatPlan,
  generation: Generation,
  usage: StreamUsage,
  stream: SseStream,
): Promise<void> {
  const { id, created, model, sampling, details, mode } = plan;
  const head = `data: {"id":${JSON.stringify(id)},"object":"chat.completion.chunk",` +
    `"created":${created},"model":${JSON.stringify(model)},"choices":[`;
  const thoughts = generation.samples.map(() => 0);
  const running = (index: number, completion: number): string => {
    if (!usage.continuous) return "";
    const reasoning = plan.countsReasoning ? thoughts[index] ?? 0 : null;
    return `,"usage":${runningUsageJson(generation.promptTokens, completion, reasoning)}`;
  };
  const [prompt] = generation.prompts;
  const promptIds = sampling.returnTokenIds ? JSON.stringify(prompt?.ids) : "null";
  for (const { index } of generation.samples) {
    stream.add(
      `${head}{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,` +
        `"finish_reason":null}]${running(index, 0)},"prompt_token_ids":${promptIds},` +
        '"prompt_text":null}\n\n',
    );
  }
  for (const { index } of plan.echo === "" ? [] : generation.samples) {
    stream.add(
      `${head}{"index":${index},"delta":{"content":${JSON.stringify(plan.echo)}},` +
        `"logprobs":null,"finish_reason":null}]${running(index, 0)}}\n\n`,
    );
  }
  const outputs = generation.samples.map(() => new ChatOutput(mode));

  const event = (sample: Sample): string => {
    const { index } = sample;
    const output = outputs[index];
    if (output === undefined) return "";
    const ended = sample.finishReason !== undefined;
    const delta = output.add(sample.takeDelta(), ended);
    if (delta.reasoning !== "") thoughts[index] = (thoughts[index] ?? 0) + 1;
    const logprobs = sampling.logprobs === undefined || plan.hidesReasoning
      ? "null"
      : chatLogprobsJson(sample.takeLogprobs(), sampling.logprobs, sampling.tokensAsIds);
    const ids = sampling.returnTokenIds && !plan.hidesReasoning
      ? JSON.stringify(sample.takeIds())
      : "null";
    const shown = deltaJson(plan, delta);
    // With parsers, what adds nothing is not sent.
    if (shown === "{}" && !ended && logprobs === "null" && ids === "null") return "";
    const finish = ended ? finishOf(plan, sample, output) : '"finish_reason":null';
    const mark = ended && !usage.include ? `,"system_fingerprint":"${FINGERPRINT}"` : "";
    return `${head}{"index":${index},"delta":${shown},"logprobs":${logprobs},${finish},` +
      `"token_ids":${ids}}]${running(index, sample.tokens)}${mark}}\n\n`;
  };

  if (!await runStream(core, generation, stream, event)) return;
  if (usage.include) {
    const reasoning = plan.countsReasoning
      ? thoughts.reduce((sum, count) => sum + count, 0)
      : undefined;
    const total = finalUsageJson(generation.usage(), details, reasoning);
    stream.add(`${head}],"usage":${total},"system_fingerprint":"${FINGERPRINT}"}\n\n`);
  }
  stream.add(DONE);
  await stream.end();
}

function finishOf(plan: ChatPlan, sample: Sample, output: ChatOutput): string {
  const byTools = output.calls > 0 && !plan.named && sample.finishReason === "stop";
  const reason = byTools ? "tool_calls" : sample.finishReason ?? "length";
  return `"finish_reason":"${reason}","stop_reason":${JSON.stringify(sample.stopReason)}`;
}

/** A delta without what it does not have; `{}` when that is all. */
function deltaJson(plan: ChatPlan, { content, reasoning, tools }: OutputDelta): string {
  if (!plan.parsed) return `{"content":${JSON.stringify(content)}}`;
  const hidden = plan.hidesReasoning;
  if (content === "" && tools.length === 0 && (reasoning === "" || hidden)) return "{}";
  const isText = content !== "";
  const delta: Record<string, unknown> = {};
  if (isText || tools.length > 0) delta["content"] = isText ? content : null;
  if (hidden) delta["reasoning"] = null;
  else if (reasoning !== "") delta["reasoning"] = reasoning;
  if (tools.length > 0) delta["tool_calls"] = tools.map((event) => toolJson(plan, event));
  return JSON.stringify(delta);
}

function toolJson({ toolId }: ChatPlan, event: ToolEvent): unknown {
  const { index } = event;
  return event.kind === "begin"
    ? { id: toolId(), type: "function", index, function: { name: event.name } }
    : { index, function: { arguments: event.text } };
}
