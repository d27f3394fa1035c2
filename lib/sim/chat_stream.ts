/** The event stream of a chat answer. @module */
import type { ChatPlan } from "./chat.ts";
import { ChatOutput } from "./chat_output.ts";
import type { EngineCore } from "./core.ts";
import type { Generation } from "./generation.ts";
import { chatLogprobsJson } from "./logprobs.ts";
import type { Sample } from "./sample.ts";
import { DONE, type SseStream } from "./sse_stream.ts";
import { runStream } from "./stream_loop.ts";
import type { ToolEvent } from "./tool_scanner.ts";
import { type StreamUsage, usageJson } from "./usage.ts";

/** Send the whole stream: role chunks, deltas, usage, `[DONE]`. */
export async function streamChat(
  core: EngineCore,
  plan: ChatPlan,
  generation: Generation,
  usage: StreamUsage,
  stream: SseStream,
): Promise<void> {
  const { id, created, model, sampling, details } = plan;
  const head = `data: {"id":${JSON.stringify(id)},"object":"chat.completion.chunk",` +
    `"created":${created},"model":${JSON.stringify(model)},"choices":[`;
  const usageTail = (completion: number): string =>
    usage.continuous
      ? `],"usage":${
        usageJson({
          prompt: generation.promptTokens,
          completion,
          cached: generation.cachedTokens,
        }, details)
      }}\n\n`
      : "]}\n\n";
  const [prompt] = generation.prompts;
  const promptIds = sampling.returnTokenIds ? JSON.stringify(prompt?.ids) : "null";
  for (const { index } of generation.samples) {
    stream.add(
      `${head}{"index":${index},"delta":{"role":"assistant","content":""},"logprobs":null,` +
        `"finish_reason":null}],"prompt_token_ids":${promptIds}}\n\n`,
    );
    if (plan.echo !== "") {
      stream.add(
        `${head}{"index":${index},"delta":{"content":${JSON.stringify(plan.echo)}},` +
          `"logprobs":null,"finish_reason":null}]}\n\n`,
      );
    }
  }
  const outputs = generation.samples.map(() => new ChatOutput(plan.mode));

  const event = (sample: Sample): string => {
    const output = outputs[sample.index];
    if (output === undefined) return "";
    const ended = sample.finishReason !== undefined;
    const text = sample.takeDelta();
    const { content, reasoning, tools } = output.add(text, ended);
    const logprobs = sampling.logprobs === undefined ? "null" : chatLogprobsJson(
      sample.takeLogprobs(),
      sampling.logprobs,
      sampling.tokensAsIds,
    );
    const ids = sampling.returnTokenIds ? JSON.stringify(sample.takeIds()) : "null";
    const isText = content !== "" || reasoning !== "";
    if (!isText && tools.length === 0 && !ended && text !== "" && ids === "null") return "";
    const finish = ended ? finishOf(plan, sample, output) : '"finish_reason":null';
    const rest = `,"logprobs":${logprobs},${finish},"token_ids":${ids}}${usageTail(sample.tokens)}`;
    return `${head}{"index":${sample.index},"delta":${
      deltaJson(plan, content, reasoning, tools)
    }${rest}`;
  };

  if (!await runStream(core, generation, stream, event)) return;
  if (usage.include) stream.add(`${head}],"usage":${usageJson(generation.usage(), details)}}\n\n`);
  stream.add(DONE);
  await stream.end();
}

function finishOf(plan: ChatPlan, sample: Sample, output: ChatOutput): string {
  const byTools = output.calls > 0 && plan.mode.kind !== "named" && sample.finishReason === "stop";
  const reason = byTools ? "tool_calls" : sample.finishReason ?? "length";
  return `"finish_reason":"${reason}","stop_reason":${JSON.stringify(sample.stopReason)}`;
}

function deltaJson(
  plan: ChatPlan,
  content: string,
  reasoning: string,
  tools: readonly ToolEvent[],
): string {
  if (tools.length === 0 && reasoning === "") return `{"content":${JSON.stringify(content)}}`;
  const delta: Record<string, unknown> = {};
  if (content !== "") delta["content"] = content;
  if (reasoning !== "") delta["reasoning"] = reasoning;
  if (tools.length > 0) {
    delta["tool_calls"] = tools.map((event) =>
      event.kind === "begin"
        ? {
          id: plan.toolId(),
          type: "function",
          index: event.index,
          function: { name: event.name, arguments: "" },
        }
        : { index: event.index, function: { arguments: event.text } }
    );
  }
  return JSON.stringify(delta);
}
