import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { eventsOf, get, type Json, post, startEngine } from "./support.ts";

Deno.test("/tokenize gives the ids the engine itself uses", async () => {
  await using engine = await startEngine();
  const { json } = await post(engine, "/tokenize", { prompt: "Hello the river" });
  assertEquals(json.count, json.tokens.length);
  assertEquals(json.max_model_len, 131072);
  assertEquals(json.token_strs, null);
  const ids = { max_tokens: 1, return_token_ids: true };
  const used = await post(engine, "/v1/completions", { prompt: "Hello the river", ...ids });
  assertEquals(used.json.choices[0].prompt_token_ids, json.tokens);
  const messages = [{ role: "user", content: "Hello" }];
  const chat = await post(engine, "/tokenize", { messages, return_token_strs: true });
  const answered = await post(engine, "/v1/chat/completions", { messages, ...ids });
  assertEquals(answered.json.prompt_token_ids, chat.json.tokens);
  assertEquals(chat.json.token_strs.length, chat.json.count);
});

Deno.test("/tokenize adds bos by default to text and not to a chat", async () => {
  await using engine = await startEngine();
  const count = async (body: Json): Promise<number> =>
    (await post(engine, "/tokenize", body)).json.count;
  assertEquals(await count({ prompt: "x" }), 2);
  assertEquals(await count({ prompt: "x", add_special_tokens: false }), 1);
  const messages = [{ role: "user", content: "x" }];
  assertEquals(
    await count({ messages, add_special_tokens: true }),
    await count({ messages }) + 1,
  );
});

Deno.test("/detokenize gives the text, specials included", async () => {
  await using engine = await startEngine();
  const { tokens } = (await post(engine, "/tokenize", { prompt: "é 世" })).json;
  assertEquals((await post(engine, "/detokenize", { tokens })).json, { prompt: "<s>é 世" });
  assertEquals((await post(engine, "/detokenize", { tokens: [1e6] })).json, { prompt: "" });
});

for (
  const [path, body] of [
    ["/tokenize", {}],
    ["/tokenize", { prompt: ["a"] }],
    ["/tokenize", { messages: [] }],
    ["/detokenize", {}],
    ["/detokenize", { tokens: [-1] }],
  ] as const
) {
  Deno.test(`${path} refuses ${JSON.stringify(body)}`, async () => {
    await using engine = await startEngine();
    assertEquals((await post(engine, path, body)).status, 400);
  });
}

Deno.test("/v1/models lists the base model and its adapters", async () => {
  await using engine = await startEngine({ models: ["base", "lora"], maxModelLen: 4096 });
  const { object, data } = (await get(engine, "/v1/models")).json;
  assertEquals(object, "list");
  assertEquals(data.map((card: Json) => [card.id, card.object, card.owned_by, card.parent]), [
    ["base", "model", "vllm", null],
    ["lora", "model", "vllm", "base"],
  ]);
  assertEquals(data[0].max_model_len, 4096);
  assertEquals((await post(engine, "/v1/completions", { model: "lora", prompt: "x" })).status, 200);
});

Deno.test("/health, /ping, /version and /load answer", async () => {
  await using engine = await startEngine();
  assertEquals([(await get(engine, "/health")).status, (await get(engine, "/health")).text], [
    200,
    "",
  ]);
  assertEquals((await get(engine, "/ping")).status, 200);
  assertMatch((await get(engine, "/version")).json.version, /^\d/);
  assertEquals((await get(engine, "/load")).json, { server_load: 0 });
  engine.faults.unhealthy = 1;
  assertEquals((await get(engine, "/health")).status, 503);
  assertEquals((await get(engine, "/health")).status, 200);
});

Deno.test("/sleep keeps inference off until /wake_up", async () => {
  await using engine = await startEngine();
  assertEquals((await get(engine, "/is_sleeping")).json, { is_sleeping: false });
  assertEquals((await post(engine, "/sleep?level=2", "")).status, 200);
  assertEquals((await get(engine, "/is_sleeping")).json, { is_sleeping: true });
  assertEquals((await post(engine, "/v1/completions", { prompt: "x" })).status, 503);
  assertEquals((await get(engine, "/health")).status, 200);
  assertEquals((await post(engine, "/wake_up", "")).status, 200);
  assertEquals((await post(engine, "/v1/completions", { prompt: "x" })).status, 200);
  assertEquals((await post(engine, "/sleep?level=9", "")).status, 400);
});

Deno.test("unknown paths and methods are refused in the web framework's shape", async () => {
  await using engine = await startEngine();
  const missing = await get(engine, "/nothing");
  assertEquals([missing.status, missing.json], [404, { detail: "Not Found" }]);
  const wrong = await get(engine, "/v1/completions");
  assertEquals([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
});

Deno.test("an API key is asked for under /v1 only", async () => {
  await using engine = await startEngine({ apiKey: "secret" });
  assertEquals((await get(engine, "/v1/models")).status, 401);
  assertEquals((await get(engine, "/v1/models", { authorization: "Bearer no" })).status, 401);
  assertEquals((await get(engine, "/v1/models", { authorization: "Bearer secret" })).status, 200);
  assertEquals((await get(engine, "/health")).status, 200);
  assertEquals((await post(engine, "/tokenize", { prompt: "x" })).status, 200);
});

Deno.test("a body of another media type is refused with 400", async () => {
  await using engine = await startEngine();
  const headers = { "content-type": "text/plain" };
  const { status, json } = await post(engine, "/v1/completions", { prompt: "x" }, { headers });
  assertEquals([status, json.error.type], [400, "Bad Request"]);
});

Deno.test("/v1/embeddings gives unit vectors that depend on the text alone", async () => {
  await using engine = await startEngine();
  const of = async (input: unknown, rest: Json = {}): Promise<Json> =>
    (await post(engine, "/v1/embeddings", { input, ...rest })).json;
  const { data, object, usage } = await of(["a", "b", "a"]);
  assertEquals([object, usage.prompt_tokens], ["list", 6]);
  assertEquals(data[0].embedding, data[2].embedding);
  assert(JSON.stringify(data[0].embedding) !== JSON.stringify(data[1].embedding));
  const length = Math.hypot(...data[0].embedding);
  assert(Math.abs(length - 1) < 1e-5, `length ${length}`);
  const encoded = await of("a", { encoding_format: "base64", dimensions: 16 });
  const bytes = Uint8Array.from(atob(encoded.data[0].embedding), (char) => char.charCodeAt(0));
  assertEquals([...new Float32Array(bytes.buffer)], data[0].embedding);
  assertEquals((await of("a", { dimensions: 3 })).data[0].embedding.length, 3);
  assertEquals((await post(engine, "/v1/embeddings", { input: [] })).status, 400);
  assertEquals((await post(engine, "/v1/embeddings", { input: "a", dimensions: 0 })).status, 400);
});

for (const path of ["/v1/rerank", "/rerank"]) {
  Deno.test(`${path} sorts documents by likeness`, async () => {
    await using engine = await startEngine();
    const documents = ["nothing alike", "the river runs", "a river"];
    const { json } = await post(engine, path, { query: "the river runs", documents, top_n: 2 });
    assertEquals(json.results.length, 2);
    assertEquals(json.results[0].index, 1);
    assertEquals(json.results[0].relevance_score, 1);
    assertEquals(json.results[0].document.text, "the river runs");
    assertEquals((await post(engine, path, { query: "x" })).status, 400);
  });
}

for (const path of ["/v1/score", "/score"]) {
  Deno.test(`${path} scores pairs`, async () => {
    await using engine = await startEngine();
    const scores = async (text_1: unknown, text_2: unknown): Promise<number[]> =>
      (await post(engine, path, { text_1, text_2 })).json.data.map((each: Json) => each.score);
    assertEquals((await scores("the river", ["the river", "zz"]))[0], 1);
    assertEquals(await scores(["a", "b"], ["a", "b"]), [1, 1]);
    const bad = await post(engine, path, { text_1: ["a", "b"], text_2: ["a", "b", "c"] });
    assertEquals(bad.status, 400);
  });
}

Deno.test("/v1/responses answers whole and streamed", async () => {
  await using engine = await startEngine();
  const body = { input: "[[sim:say Hello there]]", instructions: "Be brief" };
  const { json } = await post(engine, "/v1/responses", body, {
    headers: { "x-request-id": "r" },
  });
  assertEquals([json.id, json.object, json.status], ["resp_r", "response", "completed"]);
  assertEquals(json.output[0].content[0].text, "Hello there");
  assertEquals(json.usage.total_tokens, json.usage.input_tokens + json.usage.output_tokens);
  const streamed = await post(engine, "/v1/responses", { ...body, stream: true });
  const events = eventsOf(streamed.text);
  assertEquals(events[0].type, "response.created");
  assertEquals(events.map((event) => event.delta ?? "").join(""), "Hello there");
  assertEquals(events.at(-1).type, "response.completed");
  assertEquals(events.map((event) => event.sequence_number), events.map((_, index) => index));
  const cut = await post(engine, "/v1/responses", { ...body, max_output_tokens: 1 });
  assertEquals(cut.json.status, "incomplete");
  const list = await post(engine, "/v1/responses", {
    input: [{ role: "user", content: [{ type: "input_text", text: "[[sim:say ok]]" }] }],
  });
  assertEquals(list.json.output[0].content[0].text, "ok");
  assertEquals((await post(engine, "/v1/responses", {})).status, 400);
});

Deno.test("/v1/messages answers whole and streamed", async () => {
  await using engine = await startEngine();
  const body = {
    max_tokens: 50,
    system: "Be brief",
    messages: [{ role: "user", content: "[[sim:say Hello STOP there]]" }],
    stop_sequences: ["STOP"],
  };
  const { json } = await post(engine, "/v1/messages", body);
  assertEquals([json.type, json.role], ["message", "assistant"]);
  assertEquals(json.content, [{ type: "text", text: "Hello " }]);
  assertEquals([json.stop_reason, json.stop_sequence], ["stop_sequence", "STOP"]);
  const streamed = await post(engine, "/v1/messages", { ...body, stream: true });
  const events = eventsOf(streamed.text).filter((event) => event !== "[DONE]");
  assertEquals(events[0].type, "message_start");
  assertEquals(events.map((event) => event.delta?.text ?? "").join(""), "Hello ");
  assertEquals(events.at(-2).delta.stop_reason, "stop_sequence");
  assertEquals(events.at(-1).type, "message_stop");
  const short = await post(engine, "/v1/messages", { ...body, max_tokens: 1 });
  assertEquals(short.json.stop_reason, "max_tokens");
  assertEquals((await post(engine, "/v1/messages", { messages: [] })).status, 400);
});

Deno.test("/metrics speaks Prometheus with vLLM's names", async () => {
  await using engine = await startEngine();
  await post(engine, "/v1/completions", { prompt: "x".repeat(64), max_tokens: 3 });
  await post(engine, "/v1/completions", { prompt: "x".repeat(64), max_tokens: 3 });
  const { text, headers } = await get(engine, "/metrics");
  assertStringIncludes(headers.get("content-type") ?? "", "text/plain");
  const labels = 'engine="0",model_name="sim-model"';
  const value = (name: string): number => {
    const line = text.split("\n").find((each) => each.startsWith(`vllm:${name}{${labels}} `));
    return Number(line?.split(" ").at(-1));
  };
  assertEquals(value("num_requests_running"), 0);
  assertEquals(value("num_requests_waiting"), 0);
  assertEquals(value("kv_cache_usage_perc"), 0);
  assertEquals(value("prompt_tokens_total"), 130);
  assertEquals(value("generation_tokens_total"), 6);
  assertEquals(value("prefix_cache_queries_total"), 130);
  assertEquals(value("prefix_cache_hits_total"), 64);
  assertEquals(value("external_prefix_cache_queries_total"), 0);
  assertEquals(value("external_prefix_cache_hits_total"), 0);
  assertEquals(value("time_to_first_token_seconds_count"), 2);
  assertEquals(value("inter_token_latency_seconds_count"), 4);
  for (const line of text.trimEnd().split("\n")) {
    if (line.includes("process_start_time_seconds")) continue;
    assertMatch(line, /^(# (HELP|TYPE) vllm:\w+ .+|vllm:\w+\{.*\} [0-9.e+-]+)$/);
  }
});

Deno.test("/sim/stats, /sim/faults and /sim/reset govern the engine", async () => {
  await using engine = await startEngine();
  await post(engine, "/v1/completions", { prompt: "x" }, { headers: { "x-request-id": "q" } });
  const stats = (await get(engine, "/sim/stats")).json;
  assertEquals(stats.requestsByPath, { "/v1/completions": 1 });
  assertEquals(stats.lastRequests[0].body, { prompt: "x" });
  assertEquals(stats.lastRequests[0].headers["x-request-id"], "q");
  assertEquals(stats.directs, 1);
  const set = await post(engine, "/sim/faults", { errorAnswer: true, errorStatus: 503 });
  assertEquals([set.status, set.json.errorAnswer], [200, true]);
  assertEquals((await post(engine, "/v1/completions", { prompt: "x" })).status, 503);
  assertEquals((await post(engine, "/sim/faults", { nonsense: 1 })).status, 400);
  assertEquals((await post(engine, "/sim/faults", "{")).status, 400);
  assertEquals((await post(engine, "/sim/reset", "")).status, 200);
  assertEquals((await post(engine, "/v1/completions", { prompt: "x" })).status, 200);
  assertEquals(engine.stats().requestsByPath, { "/v1/completions": 1 });
});

Deno.test("stats keep no large bodies", async () => {
  await using engine = await startEngine();
  await post(engine, "/v1/completions", { prompt: "x".repeat(400_000) });
  assertMatch(String(engine.stats().lastRequests[0]?.body), /^\(4000\d\d bytes\)$/);
});

Deno.test("stats remember the latest 50 requests, whatever their bodies", async () => {
  await using engine = await startEngine();
  for (let index = 0; index < 120; index++) {
    await post(engine, "/v1/completions", { prompt: `p${index}`, max_tokens: 1 });
  }
  await post(engine, "/v1/completions", "no json");
  const { lastRequests } = engine.stats();
  assertEquals(lastRequests.length, 50);
  assertEquals(lastRequests.at(-1)?.body, "no json");
  assertEquals(lastRequests.at(-2)?.body, { prompt: "p119", max_tokens: 1 });
});
