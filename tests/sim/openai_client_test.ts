import OpenAI from "openai";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { startEngine } from "./support.ts";

Deno.test("the OpenAI client works against the engine", async () => {
  await using engine = await startEngine({ apiKey: "k" });
  const client = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: "k", maxRetries: 0 });
  const models = await client.models.list();
  assertEquals(models.data.map(({ id }) => id), ["sim-model"]);
  const messages = [{ role: "user" as const, content: "[[sim:say Hello 世界]]" }];
  const whole = await client.chat.completions.create({ model: "sim-model", messages });
  assertEquals(whole.choices[0]?.message.content, "Hello 世界");
  let text = "";
  const stream = await client.chat.completions.create({
    model: "sim-model",
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  let tokens = 0;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    tokens = chunk.usage?.completion_tokens ?? tokens;
  }
  assertEquals([text, tokens > 0], ["Hello 世界", true]);
  const completion = await client.completions.create({
    model: "sim-model",
    prompt: "[[sim:say yes]]",
  });
  assertEquals(completion.choices[0]?.text, "yes");
  const response = await client.responses.create({ model: "sim-model", input: "[[sim:say yes]]" });
  assertEquals(response.output_text, "yes");
  const vectors = await client.embeddings.create({ model: "sim-model", input: "a" });
  assertEquals(vectors.data[0]?.embedding.length, 16);
  await assertRejects(
    () => client.completions.create({ model: "none", prompt: "x" }),
    OpenAI.NotFoundError,
  );
});

Deno.test("the OpenAI client runs tool calls from a stream", async () => {
  await using engine = await startEngine();
  const client = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: "k", maxRetries: 0 });
  const runner = client.chat.completions.stream({
    model: "sim-model",
    messages: [{ role: "user", content: '[[sim:call add {"a": 1, "b": 2}]]' }],
    tools: [{ type: "function", function: { name: "add", parameters: { type: "object" } } }],
  });
  const { choices } = await runner.finalChatCompletion();
  const [call] = choices[0]?.message.tool_calls ?? [];
  assertEquals(call?.type === "function" ? call.function : undefined, {
    name: "add",
    arguments: '{"a": 1, "b": 2}',
  });
  assertEquals(choices[0]?.finish_reason, "tool_calls");
});
