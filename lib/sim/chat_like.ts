/** What `/v1/responses` and `/v1/messages` share: other dialects of one chat. @module */
import { badRequest } from "./api_error.ts";
import { chatPromptIds } from "./chat_prompt.ts";
import { Generation } from "./generation.ts";
import { answer, type Call } from "./inference.ts";
import type { JsonObject } from "./json.ts";
import type { Sample } from "./sample.ts";
import { boolField, parseSampling } from "./sampling.ts";
import { SseStream } from "./sse_stream.ts";
import { runStream } from "./stream_loop.ts";
import { idsWithin } from "./token_limit.ts";

/** One dialect's way to ask and to answer. */
export interface Dialect {
  readonly id: string;
  readonly maxTokens: number | undefined;
  readonly maxTokensParam: string;
  /** `messages`, `tools` and so on, as chat completions have them. */
  readonly chat: JsonObject;
  /** The whole answer, with its `kv_transfer_params`. */
  whole(generation: Generation, sample: Sample, kvParams: unknown): JsonObject;
  /** Events before the first token. */
  begin(generation: Generation): readonly NamedEvent[];
  /** The event of a piece of text. */
  delta(text: string): NamedEvent;
  /** Events after the last token. */
  finish(generation: Generation, sample: Sample): readonly NamedEvent[];
}

/** A server-sent event with a name. */
export interface NamedEvent {
  readonly name: string;
  readonly data: JsonObject;
}

/** Answer a call in a dialect, streamed or whole. */
export async function answerDialect(call: Call, dialect: Dialect): Promise<void> {
  const { core, body, request } = call;
  const stream = boolField(body, "stream");
  const sampling = parseSampling({ ...dialect.chat, n: 1 }, {
    maxTokens: dialect.maxTokens,
    maxTokensParam: dialect.maxTokensParam,
    logprobs: undefined,
  });
  const generation = await Generation.begin(core, {
    id: dialect.id,
    path: request.path,
    prompts: [idsWithin(core.options.maxModelLen, chatPromptIds(dialect.chat))],
    sampling,
    grammar: undefined,
    kvParams: body["kv_transfer_params"],
    stream,
    signal: request.signal,
  });
  try {
    const [sample] = generation.samples;
    if (sample === undefined) throw badRequest("n must be at least 1, got 0.");
    if (stream) {
      await streamDialect(call, dialect, generation, sample);
    } else {
      await generation.finishAll();
      const params = await generation.transferParams();
      await answer(call, JSON.stringify(dialect.whole(generation, sample, params)));
    }
    generation.answered();
  } catch (error) {
    generation.fail(error);
    throw error;
  }
}

async function streamDialect(
  call: Call,
  dialect: Dialect,
  generation: Generation,
  sample: Sample,
): Promise<void> {
  const stream = new SseStream(call.core, call.reply, call.request);
  for (const event of dialect.begin(generation)) stream.add(eventText(event));
  const eventOf = (each: Sample): string => {
    const text = each.takeDelta();
    return text === "" ? "" : eventText(dialect.delta(text));
  };
  if (!await runStream(call.core, generation, stream, eventOf)) return;
  for (const event of dialect.finish(generation, sample)) stream.add(eventText(event));
  await stream.end();
}

function eventText({ name, data }: NamedEvent): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
