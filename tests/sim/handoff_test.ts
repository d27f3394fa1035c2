import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "../support/assert.ts";
import { encodeText } from "../../lib/sim/tokenizer.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { decodeLeg, Inbox, PATH, prefillLeg, PROMPT, rightText, startPair } from "./pair.ts";
import { completionText, eventsOf, type Json, post, specFor, startEngine } from "./support.ts";

for (const generation of ["A", "B", "C", "D"] as const) {
  Deno.test(`a handoff of generation ${generation} continues as one engine would`, async () => {
    await using pair = await startPair({ prefill: { generation }, decode: { generation } });
    const answer = await prefillLeg(pair);
    const type = generation === "A" ? "NixlProxyNotif" : "ProxyNotif";
    assertEquals(await pair.inbox.expect(2), [
      { type, req_id: "r1" },
      { type, req_id: "r1" },
    ]);
    const chunks = Math.ceil(PROMPT.length / 256);
    assertEquals(pair.decode.stats().heldKv, 2 * chunks);
    const first = answer.kv_transfer_params.first_tok;
    const { json } = await decodeLeg(pair, [...PROMPT, first]);
    assertEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
    const stats = pair.decode.stats();
    assertEquals([stats.externalHits, stats.recomputes, stats.staleReads], [1, 0, 0]);
    assertEquals([stats.heldKv, stats.decodes], [0, 1]);
    const sent = pair.prefill.stats();
    assertEquals([sent.prefills, sent.notificationsSent], [1, 2]);
    assertEquals(sent.chunksWritten, 2 * chunks);
  });
}

Deno.test("a handoff in mode D1 needs skip_last_n_tokens 0", async () => {
  await using pair = await startPair({ decode: { skipLastNTokens: 0 } });
  await prefillLeg(pair);
  await pair.inbox.expect(2);
  const { json } = await decodeLeg(pair, PROMPT, { max_tokens: 21 });
  assertEquals(json.choices[0].text, await rightText(pair));
  const stats = pair.decode.stats();
  assertEquals([stats.externalHits, stats.heldKv], [1, 0]);
});

for (const [name, skip, tail] of [["N+1 with skip 0", 0, 1], ["N with skip 1", 1, 0]] as const) {
  Deno.test(`a wrong pairing, ${name}, misses the last chunk and leaks it`, async () => {
    await using pair = await startPair({ decode: { skipLastNTokens: skip } });
    const answer = await prefillLeg(pair);
    await pair.inbox.expect(2);
    const first = answer.kv_transfer_params.first_tok;
    const { json } = await decodeLeg(pair, tail === 1 ? [...PROMPT, first] : PROMPT);
    assert((await rightText(pair)).includes(json.choices[0].text.slice(0, 20)));
    const stats = pair.decode.stats();
    assertEquals([stats.externalHits, stats.partialHits, stats.recomputes], [0, 1, 1]);
    assertEquals(stats.heldKv, 2);
  });
}

Deno.test("a short prompt with the wrong pairing hits nothing", async () => {
  await using pair = await startPair({ ranks: 1, decode: { skipLastNTokens: 0 } });
  const prompt = encodeText("Hi", { bos: true });
  const answer = await prefillLeg(pair, prompt);
  await pair.inbox.expect(1);
  await decodeLeg(pair, [...prompt, answer.kv_transfer_params.first_tok]);
  const stats = pair.decode.stats();
  assertEquals([stats.partialHits, stats.recomputes, stats.heldKv], [0, 1, 1]);
});

Deno.test("a decode without KV computes it again, or fails, as told", async () => {
  await using pair = await startPair();
  const { json } = await decodeLeg(pair, PROMPT, { max_tokens: 21 });
  assertEquals(json.choices[0].text, await rightText(pair));
  assertEquals([pair.decode.stats().recomputes, pair.decode.stats().externalHits], [1, 0]);
  await using strict = await startEngine({ role: "decode", onMiss: "fail", errorStyle: "status" });
  assertEquals((await post(strict, PATH, { prompt: PROMPT })).status, 500);
  assertEquals(strict.stats().kvLoadFailures, 1);
});

Deno.test("a decode that comes before the KV landed speaks garbage and is counted", async () => {
  await using pair = await startPair({ prefill: { notify: "before" } });
  pair.prefill.faults.skipKvWrite = true;
  const answer = await prefillLeg(pair);
  await pair.inbox.expect(2);
  const first = answer.kv_transfer_params.first_tok;
  const { json } = await decodeLeg(pair, [...PROMPT, first]);
  assertNotEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
  const stats = pair.decode.stats();
  assertEquals([stats.staleReads, stats.heldKv], [1, 0]);
});

Deno.test("KV that lands late is right for a decode that waited", async () => {
  await using pair = await startPair();
  pair.prefill.faults.landDelayMs = 30;
  const answer = await prefillLeg(pair);
  await pair.inbox.expect(2);
  await eventually(() => pair.prefill.stats().chunksWritten > 0, () => "the write");
  await eventually(
    () => pair.prefill.stats().chunksWritten === pair.decode.stats().heldKv,
    () => "all writes",
  );
  const first = answer.kv_transfer_params.first_tok;
  const { json } = await decodeLeg(pair, [...PROMPT, first]);
  assertEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
  assertEquals(pair.decode.stats().staleReads, 0);
});

Deno.test("two transfers of a prompt are read by two samples of one request", async () => {
  await using pair = await startPair({ ranks: 1, decode: { skipLastNTokens: 0 } });
  await prefillLeg(pair, PROMPT, "r1");
  await prefillLeg(pair, PROMPT, "r2");
  await pair.inbox.expect(2);
  const { json } = await decodeLeg(pair, PROMPT, { n: 2 });
  assertEquals(json.choices.length, 2);
  const stats = pair.decode.stats();
  assertEquals([stats.externalHits, stats.recomputes, stats.heldKv], [2, 0, 0]);
  assertEquals(stats.deaths, 0);
});

Deno.test("the samples of a prefill send and announce KV each on their own", async () => {
  await using pair = await startPair({ ranks: 1, decode: { skipLastNTokens: 0 } });
  const body = { prompt: PROMPT, max_tokens: 1, n: 2, temperature: 1 };
  await post(pair.prefill, PATH, { ...body, kv_transfer_params: specFor(pair.decode, "r") });
  await pair.inbox.expect(2);
  const chunks = Math.ceil(PROMPT.length / 256);
  assertEquals(pair.decode.stats().heldKv, 2 * chunks);
  assertEquals(pair.prefill.stats().chunksWritten, chunks);
  await decodeLeg(pair, PROMPT);
  assertEquals(pair.decode.stats().heldKv, chunks);
  await decodeLeg(pair, PROMPT);
  assertEquals([pair.decode.stats().externalHits, pair.decode.stats().heldKv], [2, 0]);
});

Deno.test("every surplus step of a prefill takes a page that nobody reads", async () => {
  await using pair = await startPair({ ranks: 1 });
  const prompt = PROMPT.slice(0, 300);
  const body = { prompt, max_tokens: 3, ignore_eos: true };
  const kv_transfer_params = specFor(pair.decode, "r");
  const { json } = await post(pair.prefill, PATH, { ...body, kv_transfer_params });
  await pair.inbox.expect(3);
  // The first chunk three times, and three last ones.
  assertEquals(pair.decode.stats().heldKv, 6);
  await decodeLeg(pair, [...prompt, json.kv_transfer_params.first_tok]);
  assertEquals([pair.decode.stats().externalHits, pair.decode.stats().heldKv], [1, 4]);
});

Deno.test("a surplus step beyond the chunks that were announced is refused", async () => {
  await using pair = await startPair({ ranks: 1 });
  const prompt = PROMPT.slice(0, 255);
  const body = { prompt, max_tokens: 3, ignore_eos: true };
  await post(pair.prefill, PATH, { ...body, kv_transfer_params: specFor(pair.decode, "r") });
  await pair.inbox.expect(2);
  await eventually(() => pair.prefill.stats().transferFailures === 1, () => "the refusal");
  assertEquals([pair.prefill.stats().notificationsSent, pair.decode.stats().heldKv], [2, 2]);
});

for (
  const [name, tags, hits] of [["takes", {}, 0], ["under a tag leaves", { a: "b" }, 1]] as const
) {
  Deno.test(`a direct request that shares a chunk with a handoff ${name} its page`, async () => {
    await using pair = await startPair({ ranks: 1 });
    const answer = await prefillLeg(pair);
    await pair.inbox.expect(1);
    const direct = [...PROMPT.slice(0, 256), ...encodeText(" and something else")];
    const kv_transfer_params = Object.fromEntries(
      Object.entries(tags).map(([tag, value]) => [`lmcache.tag.${tag}`, value]),
    );
    assertEquals((await decodeLeg(pair, direct, { kv_transfer_params })).status, 200);
    const { json } = await decodeLeg(pair, [...PROMPT, answer.kv_transfer_params.first_tok]);
    assertEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
    const { externalHits, heldKv } = pair.decode.stats();
    const tail = Math.ceil(PROMPT.length / 256) - 1;
    assertEquals([externalHits, heldKv], [hits, hits === 1 ? 0 : tail]);
  });
}

Deno.test("a decode engine with prefix caching leaks the leading pages of a warm prompt", async () => {
  await using pair = await startPair({ ranks: 1, decode: { prefixCaching: true } });
  const covered = Math.floor((PROMPT.length - 1) / 256);
  assert(covered > 0 && PROMPT.length % 256 > 16);
  for (const round of [0, 1, 2]) {
    const answer = await prefillLeg(pair, PROMPT, `r${round}`);
    await pair.inbox.expect(round + 1);
    const { json } = await decodeLeg(pair, [...PROMPT, answer.kv_transfer_params.first_tok]);
    assertEquals(answer.choices[0].text + json.choices[0].text, await rightText(pair));
    assertEquals(pair.decode.stats().heldKv, round * covered);
  }
  assertEquals([pair.decode.stats().externalHits, pair.decode.stats().staleReads], [3, 0]);
});

Deno.test("KV under a tag is found under that tag alone", async () => {
  await using pair = await startPair({ ranks: 1 });
  const tag = { "lmcache.tag.use": "direct" };
  const plain = (await prefillLeg(pair, PROMPT, "r1")).kv_transfer_params.first_tok;
  const body = { prompt: PROMPT, max_tokens: 1 };
  const kv_transfer_params = { ...specFor(pair.decode, "r2"), ...tag };
  await post(pair.prefill, PATH, { ...body, kv_transfer_params });
  await pair.inbox.expect(2);
  const chunks = Math.ceil(PROMPT.length / 256);
  const hitsAndHeld = async (params: Json): Promise<readonly number[]> => {
    const before = pair.decode.stats().externalHits;
    await decodeLeg(pair, [...PROMPT, plain], params);
    const { externalHits, heldKv } = pair.decode.stats();
    return [externalHits - before, heldKv / chunks];
  };
  assertEquals(pair.decode.stats().heldKv, 2 * chunks);
  const other = { kv_transfer_params: { "lmcache.tag.use": "other" } };
  assertEquals(await hitsAndHeld(other), [0, 2]);
  assertEquals(await hitsAndHeld({ kv_transfer_params: tag }), [1, 1]);
  assertEquals(await hitsAndHeld({ kv_transfer_params: tag }), [0, 1]);
  assertEquals(await hitsAndHeld({}), [1, 0]);
});

Deno.test("a drain frees the KV and is counted as one", async () => {
  await using pair = await startPair();
  const answer = await prefillLeg(pair);
  await pair.inbox.expect(2);
  const first = answer.kv_transfer_params.first_tok;
  await decodeLeg(pair, [...PROMPT, first], { max_tokens: 1 });
  const stats = pair.decode.stats();
  assertEquals([stats.drains, stats.decodes, stats.heldKv], [1, 0, 0]);
});

Deno.test("requests that share a prompt each read KV of their own", async () => {
  await using pair = await startPair();
  const first = (await prefillLeg(pair, PROMPT, "r1")).kv_transfer_params.first_tok;
  await prefillLeg(pair, PROMPT, "r2");
  await pair.inbox.expect(4);
  await decodeLeg(pair, [...PROMPT, first]);
  await decodeLeg(pair, [...PROMPT, first]);
  const stats = pair.decode.stats();
  assertEquals([stats.externalHits, stats.recomputes, stats.heldKv], [2, 0, 0]);
});

Deno.test("engines of another hash seed, world size or generation share no KV", async () => {
  for (
    const [decode, failures] of [
      [{ hashSeed: "1" }, 0],
      [{ ranks: 3, initPorts: [0, 0, 0], allocPorts: [0, 0, 0] }, 0],
      [{ generation: "A" }, 2],
    ] as const
  ) {
    await using pair = await startPair({ decode });
    const answer = await prefillLeg(pair);
    if (failures === 0) await pair.inbox.expect(2);
    await eventually(() => pair.prefill.stats().transferFailures === failures, () => "failures");
    await decodeLeg(pair, [...PROMPT, answer.kv_transfer_params.first_tok]);
    assertEquals(pair.decode.stats().recomputes, 1);
    assertEquals(pair.decode.stats().externalHits, 0);
  }
});

Deno.test("first_tok comes only when asked for, not in streams, and not when switched off", async () => {
  await using pair = await startPair({ ranks: 1 });
  const kv = specFor(pair.decode, "r");
  const body = { prompt: PROMPT, max_tokens: 1, kv_transfer_params: kv };
  const { json } = await post(pair.prefill, PATH, body);
  const chat = await post(pair.prefill, "/v1/chat/completions", {
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: 1,
    kv_transfer_params: kv,
  });
  assertEquals(typeof chat.json.kv_transfer_params.first_tok, "number");
  assertEquals(typeof json.kv_transfer_params.first_tok, "number");
  const { disagg_spec } = kv;
  const silent = await post(pair.prefill, PATH, { ...body, kv_transfer_params: { disagg_spec } });
  assertEquals(silent.json.kv_transfer_params, null);
  const streamed = await post(pair.prefill, PATH, { ...body, stream: true });
  assert(!streamed.text.includes("kv_transfer_params"));
  await using off = await startEngine({ role: "prefill", firstToken: false });
  assertEquals((await post(off, PATH, body)).json.kv_transfer_params, null);
  await eventually(() => off.stats().chunksWritten + pair.prefill.stats().chunksWritten > 0);
});

Deno.test("a decode engine overlooks a disagg_spec", async () => {
  await using pair = await startPair({ decode: { skipLastNTokens: 0 } });
  await prefillLeg(pair);
  await pair.inbox.expect(2);
  const { status } = await decodeLeg(pair, PROMPT, {
    kv_transfer_params: specFor(pair.decode, "r"),
  });
  const { externalHits, prefills } = pair.decode.stats();
  assertEquals([status, externalHits, prefills], [200, 1, 0]);
});

const BAD_SPECS: readonly (readonly [change: Json, text: string])[] = [
  [{ req_id: 5 }, "disagg_spec.req_id: expected a string"],
  [{ req_id: undefined }, "disagg_spec.req_id"],
  [{ receiver_host: undefined }, "disagg_spec.receiver_host"],
  [{ receiver_init_port: 7300 }, "disagg_spec.receiver_init_port: expected a list"],
  [{ receiver_alloc_port: ["a", "b"] }, "not all are ports"],
  [{ receiver_alloc_port: [0, 7300] }, "not all are ports"],
  [{ receiver_query_port: 1 }, "disagg_spec.receiver_query_port"],
];

for (const [change, text] of BAD_SPECS) {
  Deno.test(`a prefill engine refuses a disagg_spec with ${JSON.stringify(change)}`, async () => {
    await using engine = await startEngine({ role: "prefill", ranks: 2 });
    const disagg_spec = {
      req_id: "r",
      receiver_host: "127.0.0.1",
      receiver_init_port: [1, 2],
      receiver_alloc_port: [3, 4],
      ...change,
    };
    const body = { prompt: "x", max_tokens: 1, kv_transfer_params: { disagg_spec } };
    const { status, json } = await post(engine, PATH, body);
    assertEquals(status, 400);
    assertStringIncludes(json.error.message, text);
  });
}

Deno.test("a prefill left after its first token is no crash", async () => {
  await using pair = await startPair({ ranks: 1, prefill: { itlMs: 20 }, clock: new FakeClock() });
  const controller = new AbortController();
  const asked = post(pair.prefill, PATH, {
    prompt: PROMPT,
    max_tokens: 5000,
    kv_transfer_params: specFor(pair.decode, "r"),
  }, { signal: controller.signal }).then(() => "answered", () => "aborted");
  await eventually(() => pair.prefill.stats().runningNow === 1, () => "the prefill");
  controller.abort();
  assertEquals(await asked, "aborted");
  await eventually(() => pair.prefill.stats().aborted === 1, () => "the abort");
  assertEquals(pair.prefill.stats().abortedBeforeFirstToken, 0);
});

Deno.test("a streamed decode over transferred KV continues exactly", async () => {
  await using pair = await startPair();
  const answer = await prefillLeg(pair);
  await pair.inbox.expect(2);
  const prompt = [...PROMPT, answer.kv_transfer_params.first_tok];
  const events = eventsOf((await decodeLeg(pair, prompt, { stream: true })).text).slice(0, -1);
  assertEquals(answer.choices[0].text + completionText(events), await rightText(pair));
});

Deno.test("an engine of role any sends and receives KV", async () => {
  await using inbox = await Inbox.open();
  const proxy = { proxyHost: "127.0.0.1", proxyPort: inbox.port } as const;
  await using one = await startEngine({ kvConnector: "lmcache", ...proxy });
  await using two = await startEngine({ kvConnector: "lmcache", ...proxy });
  const { json } = await post(one, PATH, {
    prompt: PROMPT,
    max_tokens: 1,
    kv_transfer_params: specFor(two, "r"),
  });
  await inbox.expect(1);
  const prompt = [...PROMPT, json.kv_transfer_params.first_tok];
  await post(two, PATH, { prompt, max_tokens: 5 });
  assertEquals(two.stats().externalHits, 1);
  await post(two, PATH, { prompt, max_tokens: 5 });
  assertEquals([two.stats().directs, two.stats().recomputes], [1, 0]);
});
