import OpenAI from "openai";
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
    assertEquals(final.usage, right.usage);
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
