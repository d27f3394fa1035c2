import { createSharedStore, type SimEngine, type SimOptions } from "../../lib/sim/mod.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { assert, assertEquals, assertNotEquals } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { eventsOf, type Json, post, startEngine } from "./support.ts";

const CHAT = "/v1/chat/completions";
const ASK = { messages: [{ role: "user", content: "Tell me about the sea" }], max_tokens: 20 };
const LEG1 = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
};

interface Pair extends AsyncDisposable {
  readonly prefill: SimEngine;
  readonly decode: SimEngine;
  readonly clock: FakeClock;
}

async function startPair(decode: Partial<SimOptions> = {}): Promise<Pair> {
  const clock = new FakeClock();
  const engines = await Promise.all([
    startEngine({ role: "prefill", kvConnector: "nixl" }, clock),
    startEngine({ role: "decode", kvConnector: "nixl", ...decode }, clock),
  ]);
  const [first, second] = engines;
  return {
    prefill: first,
    decode: second,
    clock,
    async [Symbol.asyncDispose](): Promise<void> {
      for (const engine of engines) await engine.stop();
      assertEquals(clock.pending, 0);
    },
  };
}

async function lend(pair: Pair): Promise<Json> {
  const { json } = await post(pair.prefill, CHAT, {
    ...ASK,
    max_tokens: 1,
    kv_transfer_params: LEG1,
  }, { headers: { "x-request-id": "q" } });
  return json.kv_transfer_params;
}

async function right(engine: SimEngine): Promise<string> {
  return (await post(engine, CHAT, ASK)).json.choices[0].message.content;
}

Deno.test("nixl: the prefill engine lends KV, the decode engine pulls it once", async () => {
  await using pair = await startPair();
  const params = await lend(pair);
  assertEquals(Object.keys(params), [
    "do_remote_prefill",
    "do_remote_decode",
    "remote_block_ids",
    "remote_engine_id",
    "remote_request_id",
    "remote_host",
    "remote_port",
    "tp_size",
    "dcp_size",
    "pp_size",
    "remote_num_tokens",
    "remote_blocks_expiry_time",
    "transfer_mode",
    "remote_prefill_cached_tokens",
  ]);
  assertEquals([params.do_remote_prefill, params.do_remote_decode], [true, false]);
  assert(/^chatcmpl-q-[0-9a-f]{8}$/.test(params.remote_request_id), params.remote_request_id);
  assertEquals(pair.prefill.stats().heldKv, 1);
  const { json } = await post(pair.decode, CHAT, { ...ASK, kv_transfer_params: params });
  await using whole = await startEngine();
  assertEquals(json.choices[0].message.content, await right(whole));
  const stats = pair.decode.stats();
  assertEquals([stats.externalHits, stats.recomputes, stats.decodes], [1, 0, 1]);
  assertEquals(pair.prefill.stats().heldKv, 0);
});

Deno.test("nixl: KV used twice fails the request, and both engines count it", async () => {
  await using pair = await startPair({ errorStyle: "finish" });
  const params = await lend(pair);
  const body = { ...ASK, kv_transfer_params: params };
  await post(pair.decode, CHAT, body);
  const { status, json } = await post(pair.decode, CHAT, body);
  assertEquals([status, json.choices[0].finish_reason], [200, "error"]);
  assertEquals([pair.decode.stats().doubleUses, pair.prefill.stats().doubleUses], [1, 1]);
  const streamed = eventsOf((await post(pair.decode, CHAT, { ...body, stream: true })).text);
  assertEquals(streamed.at(-2).choices[0].finish_reason, "error");
});

Deno.test("nixl: a failed load shows as status 500 or an error event when so told", async () => {
  for (const errorStyle of ["status", "event"] as const) {
    await using pair = await startPair({ errorStyle });
    pair.decode.faults.failKvLoad = true;
    const body = { ...ASK, kv_transfer_params: await lend(pair) };
    const whole = await post(pair.decode, CHAT, body);
    assertEquals(whole.status, 500);
    assertEquals(whole.json.error.type, "InternalServerError");
    const streamed = await post(pair.decode, CHAT, { ...body, stream: true });
    assertEquals(streamed.status, errorStyle === "status" ? 500 : 200);
    if (errorStyle === "event") {
      const events = eventsOf(streamed.text);
      assertEquals([events.at(-2).error.code, events.at(-1)], [500, "[DONE]"]);
    }
    assertEquals(pair.decode.stats().runningNow, 0);
  }
});

Deno.test("nixl: with policy recompute a failed load is computed and counted", async () => {
  await using pair = await startPair({ kvLoadFailurePolicy: "recompute" });
  pair.decode.faults.failKvLoad = 1;
  const { json } = await post(pair.decode, CHAT, { ...ASK, kv_transfer_params: await lend(pair) });
  await using whole = await startEngine();
  assertEquals(json.choices[0].message.content, await right(whole));
  const stats = pair.decode.stats();
  assertEquals([stats.kvLoadFailures, stats.recomputes], [1, 1]);
});

Deno.test("nixl: decode engines are told the side channel's own address", async () => {
  await using engine = await startEngine({ kvConnector: "nixl", sideChannelHost: "10.0.0.9" });
  const { json } = await post(engine, CHAT, { ...ASK, kv_transfer_params: LEG1 });
  assertEquals(json.kv_transfer_params.remote_host, "10.0.0.9");
});

Deno.test("nixl: the lease ends", async () => {
  await using pair = await startPair();
  const params = await lend(pair);
  await pair.clock.advance(30_000);
  assertEquals([pair.prefill.stats().expired, pair.prefill.stats().heldKv], [1, 0]);
  const { status, json } = await post(pair.decode, CHAT, { ...ASK, kv_transfer_params: params });
  assertEquals([status, json.error.message], [500, "Internal server error"]);
});

Deno.test("nixl: KV of another prompt gives garbage with status 200", async () => {
  await using pair = await startPair();
  const params = await lend(pair);
  const other = { messages: [{ role: "user", content: "Something else" }], max_tokens: 20 };
  const { status, json } = await post(pair.decode, CHAT, { ...other, kv_transfer_params: params });
  await using whole = await startEngine();
  const text = (await post(whole, CHAT, other)).json.choices[0].message.content;
  assertEquals(status, 200);
  assertNotEquals(json.choices[0].message.content, text);
  assertEquals(pair.decode.stats().doubleUses, 1);
});

Deno.test("nixl: parameters that lack a field, or none, mean a local prefill", async () => {
  await using pair = await startPair();
  await using whole = await startEngine();
  const text = await right(whole);
  const { remote_host: _gone, ...params } = await lend(pair);
  for (const kv_transfer_params of [params, null, undefined]) {
    const { json } = await post(pair.decode, CHAT, { ...ASK, kv_transfer_params });
    assertEquals(json.choices[0].message.content, text);
  }
  const stats = pair.decode.stats();
  assertEquals([stats.incompleteParams, stats.recomputes], [1, 3]);
});

Deno.test("nixl: a prefill engine that is gone fails the load", async () => {
  await using pair = await startPair();
  const params = await lend(pair);
  await pair.prefill.stop();
  const { status, json } = await post(pair.decode, CHAT, { ...ASK, kv_transfer_params: params });
  assertEquals([status, json.error.message], [500, "Internal server error"]);
});

Deno.test("nixl: a prompt list uses the parameters once and fails the rest", async () => {
  await using pair = await startPair();
  const prompt = encodeText("one");
  const { json } = await post(pair.prefill, "/v1/completions", {
    prompt,
    max_tokens: 1,
    kv_transfer_params: LEG1,
  });
  const both = await post(pair.decode, "/v1/completions", {
    prompt: [prompt, prompt],
    kv_transfer_params: json.kv_transfer_params,
  });
  assertEquals(both.status, 500);
  assertEquals(pair.decode.stats().doubleUses, 1);
});

Deno.test("shared storage: the decode engine finds what the prefill engine stored", async () => {
  const sharedStore = createSharedStore();
  const shared = { kvConnector: "shared_storage", sharedStore } as const;
  await using prefill = await startEngine({ role: "prefill", ...shared });
  await using decode = await startEngine({ role: "decode", ...shared });
  await post(decode, CHAT, ASK);
  assertEquals([decode.stats().recomputes, decode.stats().externalHits], [1, 0]);
  const other = { ...ASK, messages: [{ role: "user", content: "Tell me about the moon" }] };
  await post(prefill, CHAT, { ...other, max_tokens: 1 });
  assertEquals(prefill.stats().prefills, 1);
  await post(decode, CHAT, other);
  await post(decode, CHAT, other);
  assertEquals([decode.stats().recomputes, decode.stats().externalHits], [1, 2]);
});

Deno.test("shared storage: engines without a common store share nothing", async () => {
  await using prefill = await startEngine({ role: "prefill", kvConnector: "shared_storage" });
  await using decode = await startEngine({ role: "decode", kvConnector: "shared_storage" });
  await post(prefill, CHAT, { ...ASK, max_tokens: 1 });
  await post(decode, CHAT, ASK);
  assertEquals(decode.stats().recomputes, 1);
});
