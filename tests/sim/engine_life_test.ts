import { EngineLife } from "../../lib/sim/engine_life.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { decodeLeg, PATH, prefillLeg, PROMPT, startPair } from "./pair.ts";
import { eventsOf, get, type Json, post, specFor, startEngine } from "./support.ts";

/** What vLLM 0.32 answers once its core has ended. */
const DEAD =
  '{"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.",' +
  '"type":"InternalServerError","param":null,"code":500}}';

/** That `engine` is dead, in all the ways it shows. */
async function assertDead(engine: SimEngine): Promise<void> {
  const { status, text } = await post(engine, PATH, { prompt: "x" });
  assertEquals([status, text], [500, DEAD]);
  assertEquals((await get(engine, "/health")).status, 503);
  assertEquals(engine.stats().deaths, 1);
}

/** That `engine` answers what needs no core. */
async function assertAnswers(engine: SimEngine): Promise<void> {
  assertEquals((await post(engine, "/tokenize", { prompt: "x" })).status, 200);
  assertEquals((await get(engine, "/v1/models")).status, 200);
  assertEquals((await get(engine, "/metrics")).status, 200);
}

Deno.test("EngineLife ends once, and tells it once", () => {
  const life = new EngineLife();
  let told = 0;
  life.watch(() => told++);
  assertEquals([life.dead, life.hung], [false, false]);
  life.hang();
  assertEquals([life.dead, life.hung], [false, true]);
  assertEquals([life.end(), life.end()], [true, false]);
  life.hang();
  assertEquals([life.dead, life.hung, told], [true, false, 1]);
  life.revive();
  assertEquals([life.dead, life.end(), told], [false, true, 2]);
});

Deno.test("samples that found one page end a decode engine at the second reading", async () => {
  await using pair = await startPair({ ranks: 1, decode: { skipLastNTokens: 0 } });
  await prefillLeg(pair);
  await pair.inbox.expect(1);
  const { status, text } = await decodeLeg(pair, PROMPT, { n: 2 });
  assertEquals([status, text], [500, DEAD]);
  await assertDead(pair.decode);
  await assertAnswers(pair.decode);
  assertEquals(pair.decode.stats().runningNow, 0);
});

Deno.test("equal prompts of one list end a decode engine as samples do", async () => {
  await using pair = await startPair({ ranks: 1, decode: { skipLastNTokens: 0 } });
  await prefillLeg(pair);
  await pair.inbox.expect(1);
  await post(pair.decode, PATH, { prompt: [PROMPT, PROMPT], max_tokens: 2 });
  await assertDead(pair.decode);
});

Deno.test("samples of a prompt whose KV never came compute it, all of them", async () => {
  await using engine = await startEngine({ role: "decode" });
  const { json } = await post(engine, PATH, { prompt: PROMPT, n: 3 });
  assertEquals(json.choices.length, 3);
  assertEquals([engine.stats().recomputes, engine.stats().deaths], [3, 0]);
});

Deno.test("an engine that ends fails what runs: streams with an event, the others with 500", async () => {
  const clock = new FakeClock();
  await using pair = await startPair({
    ranks: 1,
    decode: { skipLastNTokens: 0, itlMs: 20 },
    clock,
  });
  const long = { prompt: "x", max_tokens: 5000, ignore_eos: true };
  const running = [
    post(pair.decode, PATH, { ...long, stream: true }),
    post(pair.decode, PATH, long),
    post(pair.decode, "/v1/messages", {
      messages: [{ role: "user", content: "x" }],
      max_tokens: 900,
    }),
  ];
  await eventually(() => pair.decode.stats().runningNow === 3, () => "three requests");
  await prefillLeg(pair);
  await pair.inbox.expect(1);
  await decodeLeg(pair, PROMPT, { n: 2 });
  const [streamed, whole, message] = await Promise.all(running);
  const events = eventsOf(streamed?.text ?? "");
  assertEquals(streamed?.status, 200);
  assertEquals(events.slice(-2), [JSON.parse(DEAD), "[DONE]"]);
  assertEquals([whole?.status, whole?.text], [500, DEAD]);
  assertEquals([message?.status, message?.json.type], [500, "error"]);
  const { runningNow, aborted, finished } = pair.decode.stats();
  assertEquals([runningNow, aborted, finished], [0, 0, 0]);
});

Deno.test("POST /sim/reset gives an ended engine a new core", async () => {
  await using engine = await startEngine({ role: "prefill" });
  await post(engine, PATH, { prompt: "x" });
  await assertDead(engine);
  await post(engine, "/sim/reset", {});
  assertEquals((await get(engine, "/health")).status, 200);
  assertEquals(engine.stats().deaths, 0);
});

const MESSAGES = [{ role: "user", content: "x" }];
const PLAIN: readonly (readonly [path: string, body: Json])[] = [
  [PATH, { prompt: "x" }],
  [PATH, { prompt: "x", kv_transfer_params: { ret_first_tok: true } }],
  ["/v1/chat/completions", { messages: MESSAGES }],
  ["/v1/responses", { input: "x" }],
  ["/v1/messages", { messages: MESSAGES, max_tokens: 5 }],
  ["/v1/embeddings", { input: "x" }],
  ["/v1/rerank", { query: "x", documents: ["y"] }],
  ["/v1/score", { text_1: "x", text_2: "y" }],
];

for (const [path, body] of PLAIN) {
  Deno.test(`${path} without a disagg_spec ends a sender of generation D`, async () => {
    await using engine = await startEngine({ role: "prefill" });
    assertEquals((await post(engine, path, body)).status, 500);
    await assertDead(engine);
    assertEquals(engine.stats().plainOnSender, 1);
    await assertAnswers(engine);
  });
}

for (const generation of ["B", "C"] as const) {
  Deno.test(`a sender of generation ${generation} answers without a disagg_spec`, async () => {
    await using engine = await startEngine({ role: "prefill", generation });
    for (const [path, body] of PLAIN) assertEquals((await post(engine, path, body)).status, 200);
    const { plainOnSender, deaths } = engine.stats();
    assertEquals([plainOnSender, deaths], [PLAIN.length, 0]);
  });
}

Deno.test("what needs no core is harmless on a sender", async () => {
  await using engine = await startEngine({ role: "prefill" });
  await assertAnswers(engine);
  assertEquals((await get(engine, "/health")).status, 200);
  assertEquals(engine.stats().deaths, 0);
});

for (const short of ["receiver_init_port", "receiver_alloc_port"]) {
  Deno.test(`a ${short} list shorter than the ranks ends a sender`, async () => {
    await using pair = await startPair();
    const spec = specFor(pair.decode, "r").disagg_spec;
    const disagg_spec = { ...spec, [short]: spec[short].slice(0, 1) };
    const body = { prompt: "x", max_tokens: 1, kv_transfer_params: { disagg_spec } };
    assertEquals((await post(pair.prefill, PATH, body)).status, 500);
    await assertDead(pair.prefill);
    assertEquals(pair.decode.stats().heldKv, 0);
  });
}

for (const asked of [true, false]) {
  const [name, deaths] = asked ? ["with", 1] : ["without", 0];
  Deno.test(`a prefill ${name} ret_first_tok left before its first token: ${deaths} deaths`, async () => {
    await using pair = await startPair({ ranks: 1, prefill: { ttftMs: 60_000 } });
    const { disagg_spec, ...rest } = specFor(pair.decode, "r");
    const controller = new AbortController();
    const left = post(pair.prefill, PATH, {
      prompt: PROMPT,
      max_tokens: 1,
      kv_transfer_params: asked ? { disagg_spec, ...rest } : { disagg_spec },
    }, { signal: controller.signal }).then(() => "answered", () => "left");
    await eventually(() => pair.prefill.stats().runningNow === 1, () => "the prefill");
    controller.abort();
    assertEquals(await left, "left");
    await eventually(() => pair.prefill.stats().aborted === 1, () => "the abort");
    assertEquals(pair.prefill.stats().abortedBeforeFirstToken, deaths);
    assertEquals(pair.prefill.stats().deaths, deaths);
    assertEquals((await get(pair.prefill, "/health")).status, asked ? 503 : 200);
    assert(!asked || (await post(pair.prefill, PATH, { prompt: "x" })).status === 500);
  });
}

Deno.test("stopping an engine is no death", async () => {
  const engine = await startEngine({ role: "prefill", ttftMs: 60_000 });
  const disagg_spec = {
    req_id: "r",
    receiver_host: "127.0.0.1",
    receiver_init_port: [1],
    receiver_alloc_port: [2],
  };
  const kv_transfer_params = { ret_first_tok: true, disagg_spec };
  const left = post(engine, PATH, { prompt: "x", max_tokens: 1, kv_transfer_params })
    .then(() => "answered", () => "left");
  await eventually(() => engine.stats().runningNow === 1, () => "the prefill");
  await engine.stop();
  assertEquals([await left, engine.stats().deaths], ["left", 0]);
});

for (const known of [true, false]) {
  const name = known ? "it knows" : "it never met";
  Deno.test(`a synchronous sender hangs for good on a decode engine ${name} that is down`, async () => {
    const generation = "C";
    await using pair = await startPair({
      ranks: 1,
      prefill: { generation },
      decode: { generation },
    });
    if (known) {
      await prefillLeg(pair);
      await pair.inbox.expect(1);
    }
    const { initPorts, allocPorts } = pair.decode;
    await pair.decode.stop();
    const controller = new AbortController();
    const ask = (body: Json): Promise<string> =>
      post(pair.prefill, PATH, body, { signal: controller.signal })
        .then(({ status }) => `answered ${status}`, () => "left");
    const kv_transfer_params = specFor(pair.decode, "r2");
    const stuck = ask({ prompt: PROMPT, max_tokens: 1, kv_transfer_params });
    await eventually(() => pair.prefill.stats().transferFailures === 1, () => "the failure");
    await using _back = await startEngine({ role: "decode", generation, initPorts, allocPorts });
    const plain = ask({ prompt: "x" });
    await eventually(() => pair.prefill.stats().runningNow === 2, () => "both requests");
    assertEquals((await get(pair.prefill, "/health")).status, 200);
    await assertAnswers(pair.prefill);
    controller.abort();
    assertEquals([await stuck, await plain], ["left", "left"]);
    await eventually(() => pair.prefill.stats().runningNow === 0, () => "their end");
    const { deaths, notificationsSent } = pair.prefill.stats();
    assertEquals([deaths, notificationsSent], [0, known ? 1 : 0]);
  });
}

Deno.test("an asynchronous sender answers, and is silent, with its decode engine down", async () => {
  await using pair = await startPair({ ranks: 1 });
  await prefillLeg(pair);
  await pair.inbox.expect(1);
  await pair.decode.stop();
  await prefillLeg(pair, PROMPT, "r2");
  await eventually(() => pair.prefill.stats().transferFailures === 1, () => "the failure");
  await prefillLeg(pair, PROMPT, "r3");
  await eventually(() => pair.prefill.stats().transferFailures === 2, () => "the failure");
  const { notificationsSent, deaths } = pair.prefill.stats();
  assertEquals([notificationsSent, deaths], [1, 0]);
});
