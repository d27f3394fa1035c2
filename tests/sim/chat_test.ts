import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { chatText, eventsOf, type Json, post, startEngine } from "./support.ts";

const PATH = "/v1/chat/completions";
const TOOLS = [{
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}];

function asks(content: string, rest: Record<string, unknown> = {}): Json {
  return { messages: [{ role: "user", content }], ...rest };
}

Deno.test("chat answers in vLLM's shape", async () => {
  await using engine = await startEngine();
  const { json } = await post(engine, PATH, asks("[[sim:say Hello there]]"), {
    headers: { "x-request-id": "abc" },
  });
  assertEquals([json.id, json.object], ["chatcmpl-abc", "chat.completion"]);
  const [choice] = json.choices;
  assertEquals([choice.message.role, choice.message.content], ["assistant", "Hello there"]);
  assertEquals([choice.finish_reason, choice.stop_reason, choice.logprobs], ["stop", null, null]);
  assert(!("tool_calls" in choice.message), "no tool_calls key without calls");
  assertEquals(json.usage.total_tokens, json.usage.prompt_tokens + json.usage.completion_tokens);
});

Deno.test("chat streams a role chunk, deltas, usage and [DONE]", async () => {
  await using engine = await startEngine();
  const body = asks("[[sim:say Hello 世界]]", {
    stream: true,
    stream_options: { include_usage: true },
  });
  const events = eventsOf((await post(engine, PATH, body)).text);
  assertEquals(events[0].choices[0].delta, { role: "assistant", content: "" });
  assertEquals(events[0].object, "chat.completion.chunk");
  assertEquals(events.at(-1), "[DONE]");
  assertEquals(events.at(-2).choices, []);
  assertEquals(chatText(events.slice(0, -1)), "Hello 世界");
  assertEquals(events.at(-3).choices[0].finish_reason, "stop");
  assertEquals(new Set(events.slice(0, -1).map((event) => event.id)).size, 1);
});

Deno.test("chat streams what it answers whole, and what a completion of its prompt says", async () => {
  await using engine = await startEngine();
  const body = asks("Tell me about the harbour", { max_tokens: 60, return_token_ids: true });
  const whole = (await post(engine, PATH, body)).json;
  const events = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  const { content } = whole.choices[0].message;
  assertEquals(chatText(events), content);
  assertEquals(events[0].prompt_token_ids, whole.prompt_token_ids);
  const { json } = await post(engine, "/v1/completions", {
    prompt: whole.prompt_token_ids,
    max_tokens: 60,
  });
  assertEquals(json.choices[0].text, content);
});

Deno.test("chat takes max_completion_tokens over max_tokens, and the model's length by default", async () => {
  await using engine = await startEngine({ maxModelLen: 100 });
  const of = async (rest: Record<string, unknown>): Promise<number> =>
    (await post(engine, PATH, asks("Hi", { ignore_eos: true, ...rest }))).json.usage
      .completion_tokens;
  assertEquals(await of({ max_tokens: 5, max_completion_tokens: 3 }), 3);
  assertEquals(await of({ max_tokens: 5 }), 5);
  const { json } = await post(engine, PATH, asks("Hi", { ignore_eos: true }));
  assertEquals(json.usage.total_tokens, 100);
});

Deno.test("chat calls a tool that the model chose, whole and streamed", async () => {
  await using engine = await startEngine();
  const args = '{"city": "Paris", "days": [1, {"n": 2}]}';
  const body = asks(`[[sim:call weather ${args}]]`, { tools: TOOLS });
  const [choice] = (await post(engine, PATH, body)).json.choices;
  assertEquals(choice.finish_reason, "tool_calls");
  assertEquals(choice.message.content, null);
  const [call] = choice.message.tool_calls;
  assertMatch(call.id, /^chatcmpl-tool-[0-9a-f]{16}$/);
  assertEquals([call.type, call.function], ["function", { name: "weather", arguments: args }]);
  const events = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  const deltas = events.flatMap((event) => event.choices[0].delta.tool_calls ?? []);
  assertEquals([deltas[0].function.name, deltas[0].index], ["weather", 0]);
  assert(deltas.length > 3, "arguments come in pieces");
  assertEquals(deltas.map((delta: Json) => delta.function.arguments ?? "").join(""), args);
  assertEquals(events.at(-1).choices[0].finish_reason, "tool_calls");
});

Deno.test("chat gives tool markup as content without tools, as with tool_choice none", async () => {
  await using engine = await startEngine();
  const prompt = '[[sim:call weather {"a": 1}]]';
  for (const rest of [{}, { tools: TOOLS, tool_choice: "none" }]) {
    const [choice] = (await post(engine, PATH, asks(prompt, rest))).json.choices;
    assertStringIncludes(choice.message.content, "<tool_call>");
    assertEquals(choice.finish_reason, "stop");
  }
});

Deno.test("chat obeys a required and a named tool", async () => {
  await using engine = await startEngine();
  const required = asks("Hi", { tools: TOOLS, tool_choice: "required" });
  const [choice] = (await post(engine, PATH, required)).json.choices;
  assertEquals(choice.message.tool_calls[0].function, {
    name: "weather",
    arguments: '{"city":""}',
  });
  assertEquals(choice.finish_reason, "tool_calls");
  const named = { ...required, tool_choice: { type: "function", function: { name: "weather" } } };
  const second = (await post(engine, PATH, named)).json.choices[0];
  assertEquals(second.message.tool_calls[0].function.arguments, '{"city":""}');
  assertEquals(second.finish_reason, "stop");
  const streamed = await post(engine, PATH, { ...required, stream: true });
  const deltas = eventsOf(streamed.text).slice(0, -1)
    .flatMap((event) => event.choices[0].delta.tool_calls ?? []);
  assertEquals(deltas.map((delta: Json) => delta.function.arguments ?? "").join(""), '{"city":""}');
});

Deno.test("chat gives the markup of a tool call that is cut short as content", async () => {
  await using engine = await startEngine();
  const body = asks("Hi", { tools: TOOLS, tool_choice: "required", max_tokens: 20 });
  const [choice] = (await post(engine, PATH, body)).json.choices;
  assertStringIncludes(choice.message.content, '<tool_call>\n{"name":"wea');
  assertEquals([choice.message.tool_calls, choice.finish_reason], [undefined, "length"]);
});

Deno.test("chat refuses calls without a tool parser, and leaves markup and thoughts as they are", async () => {
  await using engine = await startEngine({ toolParser: false, reasoningParser: "none" });
  for (const tool_choice of [undefined, "auto", "required"]) {
    const { status, json } = await post(engine, PATH, asks("Hi", { tools: TOOLS, tool_choice }));
    assertEquals(status, 400);
    assertStringIncludes(json.error.message, "--tool-call-parser to be set");
  }
  const said = "<think>Hm</think><tool_call>x</tool_call>";
  const [choice] = (await post(engine, PATH, asks(`[[sim:say ${said}]]`))).json.choices;
  assertEquals([choice.message.content, choice.message.reasoning], [said, null]);
});

Deno.test("chat puts reasoning in its own field", async () => {
  await using engine = await startEngine();
  const body = asks("[[sim:say <think>Hm, well</think>Yes]]");
  const { message } = (await post(engine, PATH, body)).json.choices[0];
  assertEquals([message.reasoning, message.content], ["Hm, well", "Yes"]);
  const events = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  const reasoning = events.map((event) => event.choices[0].delta.reasoning ?? "").join("");
  assertEquals([reasoning, chatText(events)], ["Hm, well", "Yes"]);
});

Deno.test("chat gives log-probabilities in its own shape, n and echo", async () => {
  await using engine = await startEngine();
  const { json } = await post(
    engine,
    PATH,
    asks("[[sim:say The]]", { logprobs: true, top_logprobs: 2, n: 2 }),
  );
  assertEquals(json.choices.map((choice: Json) => choice.index), [0, 1]);
  const [first] = json.choices[0].logprobs.content;
  assertEquals([first.token, first.bytes, first.top_logprobs.length], ["The", [84, 104, 101], 2]);
  const continued = {
    messages: [{ role: "user", content: "[[sim:say yes indeed]]" }, {
      role: "assistant",
      content: "yes",
    }],
    add_generation_prompt: false,
    continue_final_message: true,
  };
  assertEquals(
    (await post(engine, PATH, continued)).json.choices[0].message.content,
    " indeed",
  );
  const echoed = await post(engine, PATH, { ...continued, echo: true });
  assertEquals(echoed.json.choices[0].message.content, "yes indeed");
  const streamed = await post(engine, PATH, { ...continued, echo: true, stream: true });
  assertEquals(chatText(eventsOf(streamed.text).slice(0, -1)), "yes indeed");
});

Deno.test("chat numbers the chunks of several samples", async () => {
  await using engine = await startEngine();
  const body = asks("Tell me", { n: 2, max_tokens: 12, stream: true, ignore_eos: true });
  const events = eventsOf((await post(engine, PATH, body)).text).slice(0, -1);
  const whole = (await post(engine, PATH, { ...body, stream: false })).json;
  for (const index of [0, 1]) {
    const mine = events.filter((event) => event.choices[0].index === index);
    assertEquals(chatText(mine), whole.choices[index].message.content);
    assertEquals(mine[0].choices[0].delta.role, "assistant");
  }
});

const REFUSED: readonly (readonly [body: Json, text: string])[] = [
  [{}, "'loc': 'body.messages', 'msg': 'Field required'"],
  [asks("x", { continue_final_message: true }), "Cannot set both"],
  [asks("x", { top_logprobs: 2 }), "`logprobs` must be set to true"],
  [asks("x", { tool_choice: "required" }), "`tools` must be set"],
  [
    asks("x", { tools: TOOLS, tool_choice: { type: "function", function: { name: "f" } } }),
    "does not match any",
  ],
  [asks("x", { max_completion_tokens: 0 }), "max_tokens must be at least 1"],
  [asks("x", { stream_options: {} }), "Stream options"],
  [asks("x", { response_format: { type: "odd" } }), "'loc': 'body.response_format.type'"],
];

for (const [body, text] of REFUSED) {
  Deno.test(`chat refuses ${JSON.stringify(body).slice(0, 90)}`, async () => {
    await using engine = await startEngine();
    const { status, json } = await post(engine, PATH, body);
    assertEquals(status, 400);
    assertStringIncludes(json.error.message, text);
  });
}
