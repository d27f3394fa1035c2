/** The event stream of a completion. @module */
import { ChoiceLogprobs, type CompletionPlan, echoedText } from "./completions_plan.ts";
import type { EngineCore } from "./core.ts";
import type { Generation } from "./generation.ts";
import { FINGERPRINT } from "./identity.ts";
import type { Sample } from "./sample.ts";
import { DONE, type SseStream } from "./sse_stream.ts";
import { runStream } from "./stream_loop.ts";
import { finalUsageJson, runningUsageJson, type StreamUsage } from "./usage.ts";

/** Send the whole stream: deltas, usage, `[DONE]`. */
export async function streamCompletion(
  core: EngineCore,
  plan: CompletionPlan,
  generation: Generation,
  usage: StreamUsage,
  stream: SseStream,
): Promise<void> {
  const { id, created, model, sampling, details } = plan;
  const head = `data: {"id":${JSON.stringify(id)},"object":"text_completion",` +
    `"created":${created},"model":${JSON.stringify(model)},"choices":[`;
  const logprobs = new Map<Sample, ChoiceLogprobs>();
  const simple = sampling.logprobs === undefined && !sampling.returnTokenIds && !plan.echo;
  const promptOf = (at: number): readonly number[] =>
    generation.prompts[Math.floor(at / sampling.n)]?.ids ?? [];
  // The last event of all tells the fingerprint.
  const mark = usage.include ? "" : `,"system_fingerprint":"${FINGERPRINT}"`;

  const event = (sample: Sample, at: number): string => {
    const text = sample.takeDelta();
    const ended = sample.finishReason !== undefined;
    const finish = ended
      ? `"finish_reason":"${sample.finishReason}","stop_reason":${
        JSON.stringify(sample.stopReason)
      }`
      : '"finish_reason":null,"stop_reason":null';
    const running = usage.continuous
      ? `,"usage":${runningUsageJson(promptOf(at).length, sample.tokens)}`
      : "";
    const tail = `]${running}${ended ? mark : ""}}\n\n`;
    if (simple) {
      return `${head}{"index":${at},"text":${JSON.stringify(text)},"logprobs":null,${finish},` +
        `"prompt_token_ids":null,"token_ids":null}${tail}`;
    }
    const prompt = promptOf(at);
    const known = logprobs.get(sample);
    const own = known ?? new ChoiceLogprobs(plan, prompt);
    if (known === undefined) logprobs.set(sample, own);
    const isFirst = known === undefined;
    const shown = (isFirst ? echoedText(plan, prompt) : "") + (plan.echoOnly ? "" : text);
    const ids = sampling.returnTokenIds;
    return `${head}{"index":${at},"text":${JSON.stringify(shown)},` +
      `"logprobs":${own.take(sample)},${finish},` +
      `"prompt_token_ids":${isFirst && (ids || plan.echo) ? JSON.stringify(prompt) : "null"},` +
      `"token_ids":${ids ? JSON.stringify(sample.takeIds()) : "null"}}${tail}`;
  };

  if (!await runStream(core, generation, stream, event)) return;
  if (usage.include) {
    const total = finalUsageJson(generation.usage(), details);
    stream.add(`${head}],"usage":${total},"system_fingerprint":"${FINGERPRINT}"}\n\n`);
  }
  stream.add(DONE);
  await stream.end();
}
