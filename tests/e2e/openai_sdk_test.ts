import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import * as z from "zod";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type Cluster, MODEL, startCluster, total } from "../support/cluster.ts";

const MESSAGES = [
  { role: "system" as const, content: "You are brief." },
  { role: "user" as const, content: "Tell me about the river é世. [[sim:len 18]]" },
];

function client(url: string): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
}

async function withSdk(
  run: (ours: OpenAI, single: OpenAI, cluster: Cluster) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster({ prefills: 2, decodes: 2 });
  await run(client(cluster.url), client(cluster.single.url), cluster);
  await cluster.quiet();
}

/** `usage` as streams tell it: without members that are null. */
function streamedUsage<Told extends object>(usage: Told | undefined): Told | undefined {
  const told = Object.entries(usage ?? {}).filter(([, member]) => member !== null);
  return Object.fromEntries(told) as Told;
}

Deno.test("OpenAI SDK: chat, whole and streamed, is that of one engine", async () => {
  await withSdk(async (ours, single, { prefills, decodes }) => {
    const ask = { model: MODEL, messages: MESSAGES, max_tokens: 30 };
    const whole = await ours.chat.completions.create(ask);
    const right = await single.chat.completions.create(ask);
    const [choice] = whole.choices;
    assertEquals(choice?.message.role, "assistant");
    assertEquals(choice?.message.content, right.choices[0]?.message.content);
    assertEquals(choice?.finish_reason, right.choices[0]?.finish_reason);
    assertEquals(whole.usage, right.usage);
    const stream = ours.chat.completions.stream({
      ...ask,
      stream_options: { include_usage: true },
    });
    const deltas: string[] = [];
    stream.on("content", (delta) => deltas.push(delta));
    const final = await stream.finalChatCompletion();
    assertEquals(deltas.join(""), right.choices[0]?.message.content);
    assertEquals(final.choices[0]?.finish_reason, right.choices[0]?.finish_reason);
    assertEquals(final.usage, streamedUsage(right.usage));
    assertEquals(total(prefills, "prefills"), 2);
    assertEquals(total(decodes, "recomputes"), 0);
  });
});

Deno.test("OpenAI SDK: completions, whole and streamed, are those of one engine", async () => {
  await withSdk(async (ours, single) => {
    const ask = { model: MODEL, prompt: "Once upon a time", max_tokens: 12 };
    const right = await single.completions.create(ask);
    const whole = await ours.completions.create(ask);
    assertEquals(whole.choices[0]?.text, right.choices[0]?.text);
    assertEquals(whole.usage, right.usage);
    let text = "";
    for await (const chunk of await ours.completions.create({ ...ask, stream: true })) {
      text += chunk.choices[0]?.text ?? "";
    }
    assertEquals(text, right.choices[0]?.text);
  });
});

Deno.test("OpenAI SDK: errors arrive as its own classes", async () => {
  await withSdk(async (ours) => {
    const wrong = { model: "nobody", messages: MESSAGES };
    const unknown = await assertRejects(
      () => ours.chat.completions.create(wrong),
      OpenAI.NotFoundError,
      "does not exist",
    );
    assertEquals(unknown.param, "model");
    await assertRejects(
      () => ours.chat.completions.create({ model: MODEL, messages: MESSAGES, max_tokens: 0 }),
      OpenAI.BadRequestError,
    );
  });
});

Deno.test("OpenAI SDK: a stream that is left stops the engine", async () => {
  await withSdk(async (ours, _single, { decodes }) => {
    for (const engine of decodes) engine.faults.slowTokens = true;
    for (const engine of decodes) engine.faults.slowTokenMs = 20;
    const stream = await ours.chat.completions.create({
      model: MODEL,
      messages: [{ role: "user", content: "On and on [[sim:len 500]]" }],
      max_tokens: 600,
      stream: true,
    });
    let seen = 0;
    for await (const chunk of stream) {
      if (chunk.choices.length > 0 && ++seen === 4) break;
    }
    assertEquals(seen, 4);
  });
});

Deno.test("OpenAI SDK: models, embeddings and the rest go through", async () => {
  await withSdk(async (ours, single) => {
    const models = await ours.models.list();
    assertEquals(models.data.map((card) => card.id), [MODEL]);
    assertEquals((await ours.models.retrieve(MODEL)).id, MODEL);
    const ask = { model: MODEL, input: "hello", encoding_format: "float" as const };
    const ours_ = await ours.embeddings.create(ask);
    assertEquals(ours_.data, (await single.embeddings.create(ask)).data);
    assert(ours_.data.length === 1);
  });
});

const WEATHER = {
  type: "function" as const,
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

function asking(content: string): { model: string; messages: { role: "user"; content: string }[] } {
  return { model: MODEL, messages: [{ role: "user", content }] };
}

/** Decode engines of both modes, so that every feature that can take a handoff takes one. */
async function withMixedPool(
  handoffs: number,
  run: (ours: OpenAI, single: OpenAI) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster({
    prefills: 2,
    decodes: 2,
    modes: ["p1", "d1"],
  });
  await run(client(cluster.url), client(cluster.single.url));
  await cluster.quiet();
  assertEquals(total(cluster.prefills, "prefills"), handoffs);
  assertEquals(total(cluster.decodes, "staleReads"), 0);
}

/** A member that the SDK's types do not know. */
function member(value: object | undefined, key: string): unknown {
  return Object.entries(value ?? {}).find(([name]) => name === key)?.[1];
}

Deno.test("OpenAI SDK: tool calls, whole and streamed, are those of one engine", async () => {
  await withMixedPool(6, async (ours, single) => {
    const said = '[[sim:call weather {"city": "São Paulo", "days": [1, 2]}]]';
    const choices: readonly OpenAI.ChatCompletionToolChoiceOption[] = [
      "auto",
      "required",
      { type: "function", function: { name: "weather" } },
    ];
    for (const choice of choices) {
      const ask = { ...asking(said), tools: [WEATHER], tool_choice: choice, max_tokens: 100 };
      const right = await single.chat.completions.create(ask);
      const whole = await ours.chat.completions.create(ask);
      const streamed = await ours.chat.completions.stream(ask).finalChatCompletion();
      for (const answer of [whole, streamed]) {
        assertEquals(callsOf(answer), callsOf(right), JSON.stringify(choice));
        assertEquals(answer.choices[0]?.finish_reason, right.choices[0]?.finish_reason);
      }
      assertEquals(callsOf(whole).length, 1);
    }
  });
});

function callsOf(answer: OpenAI.ChatCompletion): unknown[] {
  const calls = answer.choices[0]?.message.tool_calls ?? [];
  return calls.map((call) => call.type === "function" ? call.function : call.type)
    .map((call) => typeof call === "string" ? call : [call.name, JSON.parse(call.arguments)]);
}

Deno.test("OpenAI SDK: structured output is parsed by its schema", async () => {
  await withMixedPool(2, async (ours, single) => {
    const Trip = z.object({ city: z.string().min(3), days: z.number().int().min(2) });
    const ask = {
      ...asking("Plan a trip."),
      response_format: zodResponseFormat(Trip, "trip"),
      max_tokens: 200,
    };
    const right = await single.chat.completions.parse(ask);
    const whole = await ours.chat.completions.parse(ask);
    const streamed = await ours.chat.completions.stream(ask).finalChatCompletion();
    const parsed = right.choices[0]?.message.parsed;
    assertEquals(Trip.parse(parsed), parsed);
    assertEquals(whole.choices[0]?.message.parsed, parsed);
    assertEquals(streamed.choices[0]?.message.parsed, parsed);
  });
});

Deno.test("OpenAI SDK: log-probabilities are those of one engine", async () => {
  await withMixedPool(4, async (ours, single) => {
    const ask = {
      ...asking("Tell me of 世界."),
      logprobs: true,
      top_logprobs: 3,
      max_tokens: 12,
    };
    const right = await single.chat.completions.create(ask);
    const whole = await ours.chat.completions.create(ask);
    const streamed = await ours.chat.completions.stream(ask).finalChatCompletion();
    const likely = right.choices[0]?.logprobs?.content;
    assertEquals(likely?.length, right.usage?.completion_tokens);
    assertEquals(whole.choices[0]?.logprobs?.content, likely);
    assertEquals(streamed.choices[0]?.logprobs?.content, likely);
    const prompt = { model: MODEL, prompt: "Once upon a time", logprobs: 2, max_tokens: 12 };
    const text = await single.completions.create(prompt);
    assertEquals((await ours.completions.create(prompt)).choices[0]?.logprobs, {
      ...text.choices[0]?.logprobs,
    });
    const offsets: number[] = [];
    for await (const chunk of await ours.completions.create({ ...prompt, stream: true })) {
      offsets.push(...chunk.choices[0]?.logprobs?.text_offset ?? []);
    }
    assertEquals(offsets, text.choices[0]?.logprobs?.text_offset);
  });
});

Deno.test("OpenAI SDK: several answers to one prompt are those of one engine", async () => {
  await using cluster = await startCluster({ decodes: 2, modes: ["p1", "d1"] });
  const [ours, single] = [client(cluster.url), client(cluster.single.url)];
  const ask = { ...asking("Tell me about ships."), n: 3, max_tokens: 15 };
  const right = await single.chat.completions.create(ask);
  const whole = await ours.chat.completions.create(ask);
  const streamed = await ours.chat.completions.stream({
    ...ask,
    stream_options: { include_usage: true },
  }).finalChatCompletion();
  const texts = right.choices.map(({ message }) => message.content);
  assertEquals(new Set(texts).size, 3);
  assertEquals(whole.choices.map(({ message }) => message.content), texts);
  assertEquals(streamed.choices.map(({ message }) => message.content), texts);
  assertEquals([whole.usage, streamed.usage], [right.usage, streamedUsage(right.usage)]);
  await cluster.quiet();
});

Deno.test("OpenAI SDK: reasoning passes, whole and streamed", async () => {
  await withMixedPool(2, async (ours, single) => {
    const said = "[[sim:say <think>It is far, é.</think>Take the train.]]";
    const ask = { ...asking(said), reasoning_effort: "low" as const, max_tokens: 80 };
    const right = (await single.chat.completions.create(ask)).choices[0]?.message;
    const whole = (await ours.chat.completions.create(ask)).choices[0]?.message;
    assertEquals(member(right, "reasoning"), "It is far, é.");
    assertEquals(member(whole, "reasoning"), "It is far, é.");
    assertEquals(whole?.content, "Take the train.");
    let reasoning = "";
    let content = "";
    for await (const chunk of await ours.chat.completions.create({ ...ask, stream: true })) {
      const delta = chunk.choices[0]?.delta;
      reasoning += member(delta, "reasoning") ?? "";
      content += delta?.content ?? "";
    }
    assertEquals([reasoning, content], ["It is far, é.", "Take the train."]);
  });
});

Deno.test("OpenAI SDK: a stream's options give usage once, or with every chunk", async () => {
  await withMixedPool(3, async (ours, single) => {
    const ask = { ...asking("Tell me about ships."), max_tokens: 15, stream: true as const };
    const whole = await single.chat.completions.create({ ...ask, stream: false });
    const right = streamedUsage(whole.usage);
    const usages = async (options?: Record<string, boolean>): Promise<unknown[]> => {
      const more = options === undefined ? {} : { stream_options: options };
      const found: unknown[] = [];
      for await (const chunk of await ours.chat.completions.create({ ...ask, ...more })) {
        if (chunk.usage) found.push(chunk.usage);
      }
      return found;
    };
    assertEquals(await usages(), []);
    assertEquals(await usages({ include_usage: true }), [right]);
    const all = await usages({ include_usage: true, continuous_usage_stats: true });
    assert(all.length > 5, `${all.length}`);
    assertEquals(all.at(-1), right);
  });
});

Deno.test("OpenAI SDK: responses, whole and streamed, are those of one engine", async () => {
  await withMixedPool(2, async (ours, single) => {
    const ask = {
      model: MODEL,
      instructions: "Be brief.",
      input: "Tell me about the river é世. [[sim:len 18]]",
      max_output_tokens: 60,
    };
    const right = await single.responses.create(ask);
    const whole = await ours.responses.create(ask);
    const stream = ours.responses.stream(ask);
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => void (text += delta));
    const streamed = await stream.finalResponse();
    assert(right.output_text.length > 20);
    assertEquals(text, right.output_text);
    for (const answer of [whole, streamed]) {
      assertEquals(answer.output_text, right.output_text);
      assertEquals(answer.status, "completed");
      const { input_tokens, output_tokens } = answer.usage ?? {};
      assertEquals([input_tokens, output_tokens], [
        right.usage?.input_tokens,
        right.usage?.output_tokens,
      ]);
    }
  });
});
