import { decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import {
  type PrefillAsk,
  type PrefillEnd,
  prefillLeg,
  type PrefillResult,
  tellsFirstToken,
} from "../../lib/handoff/prefill.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { FakeResponse, jsonResponse } from "../support/fake_upstream.ts";
import { handoffParts, PAIR, type Parts, PREFILL, prefillAnswer, TIMEOUTS } from "./support.ts";

function begin(parts: Parts, ask: Partial<PrefillAsk> = {}): Promise<PrefillEnd> {
  return prefillLeg(parts.deps, parts.context, {
    pair: PAIR,
    path: "/v1/completions",
    body: [encodeUtf8('{"prompt":"hi"}')],
    mode: "p1",
    ...ask,
  });
}

/** One leg from its beginning to its end. */
async function run(
  response: FakeResponse | Error,
  ask: Partial<PrefillAsk> = {},
): Promise<{ readonly end: PrefillEnd; readonly parts: Parts }> {
  const parts = handoffParts();
  const ending = begin(parts, ask);
  const sent = parts.upstream.to(PREFILL.url);
  await parts.clock.advance(7);
  if (response instanceof FakeResponse) sent.answer(response);
  else sent.fail(response);
  const end = await ending;
  assertEquals(parts.upstream.sent.length, 1, "sent once");
  if (response instanceof FakeResponse) assert(response.state !== "open", "given back");
  parts.assertQuiet();
  return { end, parts };
}

async function resultOf(
  answer: unknown,
  ask: Partial<PrefillAsk> = {},
): Promise<{ readonly result: PrefillResult; readonly parts: Parts }> {
  const { end, parts } = await run(jsonResponse(answer), ask);
  assert(end.kind === "ok", `ok, received ${JSON.stringify(end)}`);
  assertEquals(parts.fleet.ends, ["prefill ok"]);
  return { result: end.result, parts };
}

type Failed = Extract<PrefillEnd, { readonly kind: "failed" }>;

async function failureOf(
  response: FakeResponse | Error,
  ask: Partial<PrefillAsk> = {},
): Promise<{ readonly end: Failed; readonly parts: Parts }> {
  const { end, parts } = await run(response, ask);
  assert(end.kind === "failed", `failed, received ${JSON.stringify(end)}`);
  assertEquals(parts.steps(), [
    `prefill-sent ${PREFILL.url}`,
    `prefill-done ${PREFILL.url} failed`,
  ]);
  assertStringIncludes(end.error.message, `Prefill on engine ${PREFILL.url}`);
  assertEquals(parts.fleet.ends, [`prefill failed ${end.error.code}`]);
  return { end, parts };
}

const FIRST = { kv_transfer_params: { first_tok: 91 } };

Deno.test("prefillLeg() sends the body once, under the request's own fields and the prefill's time", async () => {
  const parts = handoffParts();
  const ending = begin(parts);
  const { request, body } = parts.upstream.to(PREFILL.url);
  assertEquals(body, { prompt: "hi" });
  assertEquals(
    [request.method, request.path, request.headers, request.replayable],
    ["POST", "/v1/completions", [["x-request-id", "r"]], false],
  );
  assertEquals(
    [request.connectTimeoutMs, request.headTimeoutMs, request.idleTimeoutMs],
    [TIMEOUTS.connectMs, TIMEOUTS.prefillMs, TIMEOUTS.streamIdleMs],
  );
  assertEquals(parts.fleet.inflight, 1);
  assertStringIncludes(
    String(parts.lines[0]?.["message"]),
    `Routing request r with session id None`,
  );
  parts.upstream.to(PREFILL.url).answer(jsonResponse(prefillAnswer(FIRST)));
  await ending;
  parts.assertQuiet();
});

Deno.test("prefillLeg() tells what the answer says", async () => {
  const answer = prefillAnswer({ ...FIRST, system_fingerprint: "f" }, { stop_reason: 7 });
  const { result, parts } = await resultOf(answer);
  assertEquals({ ...result, kvParams: decodeUtf8(result.kvParams ?? encodeUtf8("")) }, {
    firstToken: 91,
    text: " one",
    promptIds: undefined,
    logprobs: undefined,
    finishReason: "length",
    stopReason: 7,
    usage: {
      prompt_tokens: 3,
      completion_tokens: 1,
      total_tokens: 4,
      prompt_tokens_details: { cached_tokens: 2 },
    },
    body: JSON.parse(JSON.stringify(answer)),
    kvParams: '{"first_tok":91}',
    headers: [["content-type", "application/json"]],
  });
  assert(tellsFirstToken(result), "mode P1");
  assertEquals(parts.steps(), [`prefill-sent ${PREFILL.url}`, `prefill-done ${PREFILL.url} ok`]);
  const [outcome] = parts.fleet.outcomes;
  assertEquals(
    [outcome?.engine.id, outcome?.peer?.id, outcome?.status, outcome?.headMs, outcome?.ms],
    ["p", "d", 200, 7, 7],
  );
});

const TOKENS: readonly (readonly [
  name: string,
  more: Record<string, unknown>,
  choice: Record<string, unknown>,
  token: number | undefined,
])[] = [
  ["first_tok", { kv_transfer_params: { first_tok: 0 } }, {}, 0],
  ["token_ids", {}, { token_ids: [5, 6] }, 5],
  ["first_tok, before token_ids", { kv_transfer_params: { first_tok: 3 } }, { token_ids: [5] }, 3],
  ["token_ids beside other parameters", { kv_transfer_params: { a: 1 } }, { token_ids: [5] }, 5],
  ["nothing", {}, {}, undefined],
  ["null parameters", { kv_transfer_params: null }, { token_ids: null }, undefined],
  ["no token", {}, { token_ids: [] }, undefined],
  ["a negative one", { kv_transfer_params: { first_tok: -1 } }, {}, undefined],
  ["half a one", { kv_transfer_params: { first_tok: 1.5 } }, {}, undefined],
  ["text", { kv_transfer_params: { first_tok: "7" } }, {}, undefined],
  ["parameters that are none", { kv_transfer_params: 7 }, {}, undefined],
];

for (const [name, more, choice, token] of TOKENS) {
  Deno.test(`prefillLeg() takes the first token from ${name}`, async () => {
    const answer = prefillAnswer(more, choice);
    const { result } = await resultOf(answer, { mode: "d1" });
    assertEquals(result.firstToken, token);
    assertEquals(tellsFirstToken(result), token !== undefined);
    if (token !== undefined) {
      assertEquals((await resultOf(answer)).result.firstToken, token);
      return;
    }
    const { end } = await failureOf(jsonResponse(answer));
    assertStringIncludes(end.error.message, "kv_transfer_params.first_tok");
    assertEquals([end.error.code, end.sent, end.told], ["prefill-failed", true, false]);
  });
}

const TEXTS: readonly (readonly [
  name: string,
  choice: Record<string, unknown>,
  text: string | undefined,
])[] = [
  ["a completion's", { text: " a" }, " a"],
  ["an empty completion's", { text: "" }, ""],
  ["a chat's content", { text: undefined, message: { role: "assistant", content: " a" } }, " a"],
  ["a chat's empty content", { text: undefined, message: { content: "", tool_calls: [] } }, ""],
  ["a chat without content", { text: undefined, message: { content: null } }, undefined],
  ["reasoning", { text: undefined, message: { content: "", reasoning: " hm" } }, undefined],
  [
    "older reasoning",
    { text: undefined, message: { content: "", reasoning_content: "h" } },
    undefined,
  ],
  ["a tool call", { text: undefined, message: { content: "", tool_calls: [{}] } }, undefined],
  ["content beside reasoning", { text: undefined, message: { content: "a", reasoning: "h" } }, "a"],
  ["neither", { text: undefined }, ""],
  ["a message that is none", { text: undefined, message: null }, ""],
];

for (const [name, choice, text] of TEXTS) {
  Deno.test(`prefillLeg() takes the first token's text: ${name}`, async () => {
    assertEquals((await resultOf(prefillAnswer(FIRST, choice))).result.text, text);
  });
}

Deno.test("prefillLeg() keeps the KV parameters as the engine wrote them", async () => {
  const raw = '{"remote_block_ids": [[1, 2]], "remote_engine_id":"é", "big": 12345678901234567890}';
  const body = `{"choices":[{"finish_reason":"stop"}], "kv_transfer_params" : ${raw} }`;
  const { end } = await run(new FakeResponse(200, [], [body]), { mode: "d1" });
  assert(end.kind === "ok");
  assertEquals(decodeUtf8(end.result.kvParams ?? encodeUtf8("")), raw);
  for (const none of ["null", undefined]) {
    const without = none === undefined ? "{}" : `{"kv_transfer_params":${none}}`;
    const { end } = await run(new FakeResponse(200, [], [without]), { mode: "d1" });
    assertEquals(end.kind === "ok" && end.result.kvParams, undefined);
  }
});

Deno.test("prefillLeg() parts the prompt's ids from the answer", async () => {
  const answer = prefillAnswer({ ...FIRST, prompt_token_ids: [1, 2, 3] });
  const { result } = await resultOf(answer);
  assertEquals(decodeUtf8(result.promptIds ?? encodeUtf8("")), "[1,2,3]");
  assertEquals(result.body["prompt_token_ids"], null);
});

Deno.test("prefillLeg() takes the log-probabilities that were asked for", async () => {
  const logprobs = {
    tokens: [" one"],
    token_logprobs: [-0.5],
    top_logprobs: [{ " one": -0.5 }],
    text_offset: [0],
  };
  const { result } = await resultOf(prefillAnswer(FIRST, { logprobs }), { logprobs: true });
  assertEquals([result.logprobs?.tokens, result.logprobs?.logprobs], [[" one"], ["-0.5"]]);
  const unasked = await resultOf(prefillAnswer(FIRST, { logprobs }));
  assertEquals(unasked.result.logprobs, undefined);
  const { end } = await failureOf(jsonResponse(prefillAnswer(FIRST)), { logprobs: true });
  assertStringIncludes(end.error.message, "without the log-probabilities");
});

for (const finish of ["length", "stop", "tool_calls"]) {
  Deno.test(`prefillLeg() takes an answer that ended with '${finish}'`, async () => {
    for (const mode of ["p1", "d1"] as const) {
      const { result } = await resultOf(prefillAnswer(FIRST, { finish_reason: finish }), { mode });
      assertEquals(result.finishReason, finish);
    }
  });
}

for (const finish of ["remote_decode", "repetition", "content_filter"]) {
  Deno.test(`prefillLeg() takes an answer that ended with '${finish}' for one that goes on`, async () => {
    for (const mode of ["p1", "d1"] as const) {
      const { result } = await resultOf(prefillAnswer(FIRST, { finish_reason: finish }), { mode });
      assertEquals(result.finishReason, "length");
    }
  });
}

for (const finish of ["error", "abort"]) {
  Deno.test(`prefillLeg() takes no answer that ended with '${finish}'`, async () => {
    for (const mode of ["p1", "d1"] as const) {
      const answer = prefillAnswer(FIRST, { finish_reason: finish });
      const { end } = await failureOf(jsonResponse(answer), { mode });
      assertStringIncludes(end.error.message, `finish_reason '${finish}'`);
      assertEquals([end.sent, end.told], [true, false]);
    }
  });
}

Deno.test("prefillLeg() asks for a finished choice where the first token matters", async () => {
  for (const answer of [{ ...FIRST }, prefillAnswer(FIRST, { finish_reason: null })]) {
    const { end } = await failureOf(jsonResponse(answer));
    assertStringIncludes(end.error.message, "without a finished choice");
    const { result } = await resultOf(answer, { mode: "d1" });
    assertEquals(result.finishReason, "length", "other endpoints tell their end in other ways");
  }
});

for (const body of ["", "no", "[]", "{", '{"choices":[}']) {
  Deno.test(`prefillLeg() takes no 200 without a JSON object: ${JSON.stringify(body)}`, async () => {
    for (const mode of ["p1", "d1"] as const) {
      const { end } = await failureOf(new FakeResponse(200, [], [body]), { mode });
      assertStringIncludes(end.error.message, "answered 200 without a JSON object");
      assertEquals([end.error.code, end.sent, end.told], ["prefill-failed", true, false]);
    }
  });
}

for (const status of [400, 404, 422, 429]) {
  Deno.test(`prefillLeg() passes a refusal with ${status} on`, async () => {
    const body = { error: { message: "too odd" } };
    const { end, parts } = await run(jsonResponse(body, status, [["x-a", "b"]]));
    assert(end.kind === "refused");
    assertEquals([end.status, decodeUtf8(end.body)], [status, JSON.stringify(body)]);
    assertEquals(end.headers, [["content-type", "application/json"], ["x-a", "b"]]);
    assertEquals(parts.fleet.ends, ["prefill ok"], "the engine did what it should");
    assertEquals(parts.steps()[1], `prefill-done ${PREFILL.url} refused`);
  });
}

const STATUSES: readonly (readonly [status: number, told: boolean])[] = [
  [500, false],
  [502, false],
  [503, true],
  [302, false],
  [204, false],
];

for (const [status, told] of STATUSES) {
  Deno.test(`prefillLeg() fails with ${status}, told by the engine: ${told}`, async () => {
    const { end } = await failureOf(jsonResponse({ error: { message: "dead" } }, status));
    assertStringIncludes(end.error.message, `answered ${status}: dead`);
    assertEquals([end.error.code, end.sent, end.told], ["prefill-failed", true, told]);
  });
}

const BREAKS: readonly (readonly [code: RouterError["code"], as: string, sent: boolean])[] = [
  ["upstream-unreachable", "prefill-failed", false],
  ["upstream-lost", "prefill-failed", true],
  ["upstream-protocol", "prefill-failed", true],
  ["upstream-timeout", "upstream-timeout", true],
  ["shutting-down", "prefill-failed", true],
];

for (const [code, as, sent] of BREAKS) {
  Deno.test(`prefillLeg() fails with ${code}, sent ${sent}`, async () => {
    const cause = new RouterError(code, "the reason");
    const { end } = await failureOf(cause);
    assertEquals([end.error.code, end.sent, end.told], [as, sent, false]);
    assertEquals(end.error.cause, cause);
    assertStringIncludes(end.error.message, "failed: the reason");
  });
}

Deno.test("prefillLeg() fails when its answer breaks, whatever its status", async () => {
  for (const status of [200, 400, 500]) {
    const cause = new RouterError("upstream-protocol", "cut short");
    const { end } = await failureOf(new FakeResponse(status, [], ['{"choices":', cause]));
    assertEquals([end.error.code, end.sent, end.told], ["prefill-failed", true, false]);
  }
});

Deno.test("prefillLeg() goes on when the client goes, and ends when the router does", async () => {
  for (const headed of [false, true]) {
    const parts = handoffParts();
    const ending = begin(parts);
    const sent = parts.upstream.to(PREFILL.url);
    const response = new FakeResponse(200);
    if (headed) sent.answer(response);
    parts.client.controller.abort();
    await settle();
    assertEquals([sent.aborted, parts.fleet.inflight], [false, 1], "never aborted for a client");
    await parts.stop();
    const end = await ending;
    assertEquals(end.kind, "failed");
    assertEquals(sent.aborted, true);
    parts.assertQuiet();
  }
});
