import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { completionText, eventsOf, type Json, post, startEngine } from "./support.ts";

const PATH = "/v1/completions";

Deno.test("completions answer in vLLM's shape with the client's id", async () => {
  await using engine = await startEngine();
  const { status, json } = await post(engine, PATH, {
    model: "sim-model",
    prompt: "[[sim:say Hello there]]",
    max_tokens: 20,
  }, { headers: { "x-request-id": "abc" } });
  assertEquals(status, 200);
  assertEquals(json.id, "cmpl-abc");
  assertEquals(json.object, "text_completion");
  assertEquals(json.choices, [{
    index: 0,
    text: "Hello there",
    logprobs: null,
    finish_reason: "stop",
    stop_reason: null,
    token_ids: null,
    prompt_logprobs: null,
    prompt_token_ids: null,
    routed_experts: null,
  }]);
  assertEquals(json.kv_transfer_params, null);
  const prompt = encodeText("[[sim:say Hello there]]", { bos: true }).length;
  const completion = encodeText("Hello there").length + 1;
  assertEquals(json.usage, {
    prompt_tokens: prompt,
    total_tokens: prompt + completion,
    completion_tokens: completion,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  });
});

Deno.test("completions make an id of their own when the client gives none", async () => {
  await using engine = await startEngine();
  const ids = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const { json } = await post(engine, PATH, { prompt: "x" });
    assertMatch(json.id, /^cmpl-[0-9a-f]{16}$/);
    ids.add(json.id);
  }
  assertEquals(ids.size, 3);
  const { json } = await post(engine, PATH, { prompt: "x", request_id: "mine" });
  assertEquals(json.id, "cmpl-mine");
});

Deno.test("completions stream the same text as they answer whole", async () => {
  await using engine = await startEngine();
  for (const prompt of ["Tell me of the sea", "Speak", "[[sim:say é 世界 😀 done]]"]) {
    for (const stop of [undefined, [" the"], ["e"]]) {
      const body = { prompt, max_tokens: 80, stop };
      const whole = await post(engine, PATH, body);
      const events = eventsOf((await post(engine, PATH, { ...body, stream: true })).text);
      assertEquals(events.at(-1), "[DONE]");
      const chunks = events.slice(0, -1);
      assertEquals(completionText(chunks), whole.json.choices[0].text);
      const last = chunks.at(-1).choices[0];
      assertEquals(last.finish_reason, whole.json.choices[0].finish_reason);
      assertEquals(last.stop_reason, whole.json.choices[0].stop_reason);
      assert(chunks.slice(0, -1).every((chunk) => chunk.choices[0].finish_reason === null));
    }
  }
});

Deno.test("completions never stream a part of a character", async () => {
  await using engine = await startEngine();
  const { text } = await post(engine, PATH, {
    prompt: "[[sim:say é世😀]]",
    max_tokens: 30,
    stream: true,
  });
  assert(!text.includes("\ufffd"));
  const chunks = eventsOf(text).slice(0, -1);
  assertEquals(chunks.map((chunk) => chunk.choices[0].text), [
    ...["", "é"],
    ...["", "", "世"],
    ...["", "", "", "😀"],
    "",
  ]);
});

Deno.test("completions report usage in a stream as its options say", async () => {
  await using engine = await startEngine({ promptTokensDetails: true });
  const run = async (stream_options: Json): Promise<Json[]> => {
    const body = { prompt: "[[sim:len 3]]", max_tokens: 10, stream: true, stream_options };
    return eventsOf((await post(engine, PATH, body)).text).slice(0, -1);
  };
  const without = await run(undefined);
  assertEquals(without.length, 4);
  assert(without.every((chunk) => chunk.usage === undefined));
  assertEquals(await run({ include_usage: false }).then((chunks) => chunks.length), 4);
  assertEquals(await run({}).then((chunks) => chunks.length), 4);
  const last = (await run({ include_usage: true })).at(-1);
  assertEquals(last.choices, []);
  assertEquals(last.usage.completion_tokens, 4);
  assertEquals(last.usage.total_tokens, last.usage.prompt_tokens + 4);
  assertEquals(typeof last.usage.prompt_tokens_details.cached_tokens, "number");
  const alone = await run({ continuous_usage_stats: true });
  assert(alone.every((chunk) => chunk.usage === undefined));
  const all = await run({ include_usage: true, continuous_usage_stats: true });
  assertEquals(all.map((chunk) => chunk.usage.completion_tokens), [1, 2, 3, 4, 4]);
});

Deno.test("completions return token ids when asked, whole and streamed", async () => {
  await using engine = await startEngine();
  const prompt = encodeText("[[sim:say the river]]", { bos: true });
  const body = { prompt, max_tokens: 5, return_token_ids: true };
  const [choice] = (await post(engine, PATH, body)).json.choices;
  assertEquals(choice.prompt_token_ids, prompt);
  assertEquals(choice.token_ids.length, 5);
  const chunks = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  assertEquals(chunks.flatMap((chunk) => chunk.choices[0].token_ids), choice.token_ids);
  assertEquals(chunks[0].choices[0].prompt_token_ids, prompt);
  assertEquals(chunks[1].choices[0].prompt_token_ids, null);
});

Deno.test("completions give log-probabilities with offsets that run on through a stream", async () => {
  await using engine = await startEngine();
  const body = { prompt: "[[sim:say the river ends]]", max_tokens: 3, logprobs: 2 };
  const { logprobs } = (await post(engine, PATH, body)).json.choices[0];
  assertEquals(logprobs.tokens, ["t", "h", "e"]);
  assertEquals(logprobs.text_offset, [0, 1, 2]);
  assertEquals(Object.keys(logprobs.top_logprobs[0]).length, 2);
  const chunks = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  const parts = chunks.map((chunk) => chunk.choices[0].logprobs);
  assertEquals(parts.flatMap((part) => part.text_offset), [0, 1, 2]);
  assertEquals(parts.flatMap((part) => part.token_logprobs), logprobs.token_logprobs);
});

for (const path of [PATH, "/v1/chat/completions"]) {
  Deno.test(`${path} gives the prompt's own log-probabilities`, async () => {
    await using engine = await startEngine();
    const ask = { prompt: "the river", messages: [{ role: "user", content: "the river" }] };
    const { json } = await post(engine, path, { ...ask, max_tokens: 1, prompt_logprobs: 1 });
    const [first, second] = json.prompt_logprobs ?? json.choices[0].prompt_logprobs;
    assertEquals(first, null);
    assertEquals(Object.keys(second).length, 2);
    const streamed = await post(engine, path, { ...ask, stream: true, prompt_logprobs: 1 });
    assertEquals(streamed.status, 400);
  });
}

Deno.test("completions answer prompt lists and n, numbered by prompt then sample", async () => {
  await using engine = await startEngine();
  const { json } = await post(engine, PATH, {
    prompt: ["[[sim:say one]]", "[[sim:say two]]"],
    n: 2,
    max_tokens: 10,
  });
  assertEquals(json.choices.map((choice: Json) => [choice.index, choice.text]), [
    [0, "one"],
    [1, "one"],
    [2, "two"],
    [3, "two"],
  ]);
  const lists = await post(engine, PATH, {
    prompt: [encodeText("[[sim:say x]]"), encodeText("[[sim:say y]]")],
    max_tokens: 10,
    stream: true,
  });
  const text = new Map<number, string>();
  for (const chunk of eventsOf(lists.text).slice(0, -1)) {
    const [choice] = chunk.choices;
    text.set(choice.index, (text.get(choice.index) ?? "") + choice.text);
  }
  assertEquals([...text], [[0, "x"], [1, "y"]]);
});

Deno.test("completions give samples of their own for n", async () => {
  await using engine = await startEngine();
  const body = { prompt: "Tell me", max_tokens: 20, ignore_eos: true };
  const alone = (await post(engine, PATH, body)).json.choices[0].text;
  const { choices, usage } = (await post(engine, PATH, { ...body, n: 3 })).json;
  assertEquals(choices[0].text, alone);
  assertEquals(new Set(choices.map((choice: Json) => choice.text)).size, 3);
  assertEquals(usage.completion_tokens, 60);
});

Deno.test("completions echo the prompt, and nothing else with max_tokens 0", async () => {
  await using engine = await startEngine();
  const body = { prompt: "Say [[sim:say yes]]", echo: true, max_tokens: 10 };
  assertEquals((await post(engine, PATH, body)).json.choices[0].text, "Say [[sim:say yes]]yes");
  const only = await post(engine, PATH, { ...body, max_tokens: 0 });
  assertEquals(only.json.choices[0].text, "Say [[sim:say yes]]");
  const streamed = await post(engine, PATH, { ...body, stream: true });
  assertEquals(
    completionText(eventsOf(streamed.text).slice(0, -1)),
    "Say [[sim:say yes]]yes",
  );
});

Deno.test("completions show several tokens per event with a stream interval", async () => {
  await using engine = await startEngine({ streamInterval: 4 });
  const body = { prompt: "Tell me", max_tokens: 10, ignore_eos: true, return_token_ids: true };
  const chunks = eventsOf((await post(engine, PATH, { ...body, stream: true })).text).slice(0, -1);
  assertEquals(chunks.map((chunk) => chunk.choices[0].token_ids.length), [1, 4, 4, 1]);
  const whole = (await post(engine, PATH, body)).json.choices[0];
  assertEquals(chunks.flatMap((chunk) => chunk.choices[0].token_ids), whole.token_ids);
  assertEquals(completionText(chunks), whole.text);
});

Deno.test("completions obey a JSON schema", async () => {
  await using engine = await startEngine();
  const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] };
  const { json } = await post(engine, PATH, {
    prompt: "Give me JSON",
    max_tokens: 50,
    response_format: { type: "json_schema", json_schema: { name: "x", schema } },
  });
  assertEquals(json.choices[0].text, '{"a":0}');
  assertEquals(json.choices[0].finish_reason, "stop");
});

const REFUSED: readonly (readonly [body: Json, status: number, text: string])[] = [
  [{ prompt: "x", max_tokens: 0 }, 400, "max_tokens must be at least 1, got 0."],
  [{ prompt: "x", max_tokens: -5 }, 400, "max_tokens must be at least 1, got -5."],
  [{ prompt: "x", max_tokens: 1, min_tokens: 2 }, 400, "min_tokens must be less than or equal"],
  [{ prompt: "x", stream_options: {} }, 400, "Stream options can only be defined"],
  [{ prompt: "x", stream: true, stream_options: 1 }, 400, "stream_options"],
  [{ prompt: "x", n: 0 }, 400, "n must be at least 1"],
  [{ prompt: "x", logprobs: 21 }, 400, "greater than max allowed: 20"],
  [{ prompt: "x", stream: "perhaps" }, 400, "Input should be a valid boolean"],
  [{ prompt: "x", suffix: "y" }, 400, "suffix is only supported for models with FIM"],
  [{ prompt: "" }, 400, "Either prompt or prompt_embeds"],
  [{ prompt: [] }, 400, "You must pass at least one prompt"],
  [{}, 400, "Either prompt or prompt_embeds"],
  [{ prompt: { a: 1 } }, 400, "'loc': 'body.prompt'"],
  [{ prompt: [[]] }, 400, "The decoder prompt cannot be empty"],
  [{ prompt: ["a", 1] }, 400, "'loc': 'body.prompt.0'"],
  [{ prompt: [999999] }, 400, "Token id 999999 is out of vocabulary"],
  [{ prompt: new Array(100).fill(300) }, 400, "maximum context length is 64 tokens"],
  [{ prompt: new Array(64).fill(300) }, 400, "max_tokens must be at least 1, got 0."],
  [{ prompt: "x", max_tokens: 65 }, 400, "max_tokens=65 cannot be greater than max_model_len=64"],
  [{ prompt: "x", model: "other" }, 404, "The model `other` does not exist."],
  [{ prompt: "x", model: 5 }, 400, "'loc': 'body.model', 'msg': 'Input should be a valid string'"],
  ["{not json", 400, "JSON decode error"],
  ["[1]", 400, "valid dictionary"],
  ["", 400, "Field required"],
];

for (const [body, status, text] of REFUSED) {
  Deno.test(`completions refuse ${JSON.stringify(body).slice(0, 60)} with ${status}`, async () => {
    await using engine = await startEngine({ maxModelLen: 64 });
    const answer = await post(engine, PATH, body);
    assertEquals(answer.status, status);
    assertEquals(Object.keys(answer.json.error), ["message", "type", "param", "code"]);
    assertEquals(answer.json.error.code, status);
    assertStringIncludes(answer.json.error.message, text);
    assertEquals(engine.stats().badRequests, 1);
    assertEquals(engine.stats().runningNow, 0);
  });
}

for (const maxTokens of [4, 10]) {
  Deno.test(`completions fill the model's length exactly with max_tokens ${maxTokens}`, async () => {
    await using engine = await startEngine({ maxModelLen: 64 });
    const body = { prompt: new Array(60).fill(300), max_tokens: maxTokens, ignore_eos: true };
    const { json } = await post(engine, PATH, body);
    assertEquals([json.usage.total_tokens, json.choices[0].finish_reason], [64, "length"]);
  });
}
