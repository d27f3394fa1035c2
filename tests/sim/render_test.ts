import { assertEquals } from "../support/assert.ts";
import { post, startEngine } from "./support.ts";

const MESSAGES = [{ role: "user", content: "Hello the river" }];
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];

Deno.test("/v1/chat/completions/render gives the ids the engine itself uses", async () => {
  await using engine = await startEngine();
  for (const more of [{}, { tools: TOOLS }, { tools: TOOLS, tool_choice: "none" }]) {
    const body = { messages: MESSAGES, ...more, max_tokens: 1 };
    const rendered = await post(engine, "/v1/chat/completions/render", { ...body, stream: true });
    assertEquals(rendered.json.stream, true);
    const used = await post(engine, "/v1/chat/completions", { ...body, return_token_ids: true });
    assertEquals(rendered.json.token_ids, used.json.prompt_token_ids);
  }
});

Deno.test("/v1/completions/render gives a list, one request for each prompt", async () => {
  await using engine = await startEngine();
  const prompts = ["Hello", "the river"];
  const { json } = await post(engine, "/v1/completions/render", { prompt: prompts });
  for (const [index, prompt] of prompts.entries()) {
    const { tokens } = (await post(engine, "/tokenize", { prompt })).json;
    assertEquals(json[index].token_ids, tokens);
  }
  assertEquals(json.length, 2);
});

Deno.test("the render endpoints refuse what the endpoints refuse", async () => {
  await using engine = await startEngine();
  assertEquals((await post(engine, "/v1/completions/render", {})).status, 400);
  assertEquals((await post(engine, "/v1/chat/completions/render", { messages: [] })).status, 400);
});
