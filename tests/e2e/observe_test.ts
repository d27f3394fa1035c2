/** Where the time of requests went, as the admin API tells it: on real sockets. */
import { ask } from "../support/admin.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { MODEL } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { EventReader, startObserved } from "../support/observed.ts";
import { post } from "../support/router.ts";

const BODY = { model: MODEL, prompt: "Tell me of the river", max_tokens: 8 };

Deno.test("GET /admin/requests/{id} tells where the time of a handoff went", async () => {
  await using fleet = await startObserved();
  const { router, ids } = fleet;
  const headers = { "x-request-id": "mine" };
  const answer = await post(
    `${router.url}/v1/completions`,
    { ...BODY, stream: true, stream_options: { include_usage: true } },
    { headers },
  );
  assert((await answer.text()).trimEnd().endsWith("[DONE]"));
  const { status, json } = await ask(router.adminUrl, "GET", "/admin/requests/mine");
  assertEquals(status, 200);
  const [told, ...more] = json.requests;
  assertEquals(more, []);
  assertEquals(
    [told.id, told.route, told.outcome, told.status, told.state, told.model, told.stream],
    ["mine", "handoff_p1", "ok", 200, "ended", MODEL, true],
  );
  assertEquals([told.prefill, told.decode], [ids.prefill, ids.decode]);
  for (const phase of ["tokenize", "prefill", "kv_wait", "first_byte", "stream", "ttft", "total"]) {
    assert(told.phases[phase] >= 0, `${phase} ${JSON.stringify(told.phases)}`);
  }
  const { tokenize, prefill, kv_wait, first_byte, stream, total, ttft } = told.phases;
  assert(tokenize + prefill + kv_wait + first_byte + stream <= total + 0.01);
  assert(prefill <= ttft && ttft <= total, JSON.stringify(told.phases));
  assertEquals(told.tokens, { prompt: told.tokens.prompt, answer: 8, about: false });
  assert(told.tokens.prompt > 0);
  assertEquals(told.events.map(({ step }: { step: string }) => step), [
    ...["tokenized", "prefill-sent", "prefill-done", "kv-ready", "decode-sent", "decode-first"],
  ]);
  assertEquals(
    told.legs.map(({ leg, engine, end }: Record<string, string>) => [leg, engine, end]),
    [
      ["prefill", ids.prefill, "ok"],
      ["decode", ids.decode, "ok"],
    ],
  );
  const list = await ask(router.adminUrl, "GET", "/admin/requests?state=ended");
  assertEquals([list.json.requests.length, list.json.kept, list.json.under_way], [1, 1, 0]);
});

Deno.test("a request under way is known with what it is doing; its client's departure is counted", async () => {
  await using fleet = await startObserved({}, { itlMs: 50 });
  const { router, ids } = fleet;
  const leaving = new AbortController();
  const answer = await post(
    `${router.url}/v1/completions`,
    { ...BODY, max_tokens: 400, stream: true },
    { signal: leaving.signal, headers: { "x-request-id": "leaves" } },
  );
  const reader = answer.body?.getReader();
  await reader?.read();
  await eventually(async () => {
    const { json } = await ask(router.adminUrl, "GET", "/admin/requests?state=under_way");
    return json.requests[0]?.state === "stream";
  });
  await using live = new EventReader(await fetch(`${router.adminUrl}/admin/live`));
  assertMatch((await live.until("hello")).version, /^\d+\.\d+\.\d+$/);
  const seen = await live.until("fleet");
  assertEquals([seen.full, seen.router.under_way], [true, 1]);
  assertEquals(seen.pairs.length, 1);
  assertEquals(
    [seen.pairs[0].prefill, seen.pairs[0].decode, seen.pairs[0].under_way],
    [ids.prefill, ids.decode, { stream: 1 }],
  );
  assertEquals(
    seen.engines.map(({ id, role, inflight }: Record<string, unknown>) => [id, role, inflight])
      .sort(),
    [[ids.prefill, "prefill", 0], [ids.decode, "decode", 1]].sort(),
  );
  leaving.abort();
  await reader?.cancel().catch(() => {});
  const ended = await live.until("requests");
  assertEquals(
    ended.ended.map(({ id, outcome }: Record<string, string>) => [id, outcome]),
    [["leaves", "client_gone"]],
  );
  assertEquals(ended.untold, 0);
  const text = await (await fetch(`${router.url}/metrics`)).text();
  assertMatch(text, /^pd_router_client_departures_total\{phase="stream"\} 1$/m);
});

Deno.test("--server-timing tells clients where the time went, whole answers and streams", async () => {
  const observe = {
    accessShare: 0,
    accessFormat: "json",
    serverTiming: true,
    keepRequests: 0,
  } as const;
  await using fleet = await startObserved({ observe });
  const { url, adminUrl } = fleet.router;
  for (const stream of [false, true]) {
    const answer = await post(`${url}/v1/completions`, { ...BODY, stream });
    await answer.text();
    const timing = answer.headers.get("server-timing") ?? "";
    assertMatch(timing, /^route;desc="handoff_p1", tokenize;dur=[\d.]+, prefill;dur=[\d.]+/);
    assertMatch(timing, /, total;dur=[\d.]+$/);
    assertEquals(/kv_wait;dur=/.test(timing), !stream, timing);
  }
  // None are kept, and those under way are known all the same.
  const { json } = await ask(adminUrl, "GET", "/admin/requests");
  assertEquals([json.requests, json.kept, json.capacity], [[], 0, 0]);
});

Deno.test("the live stream tells of a request that failed, and of the pair it failed on", async () => {
  await using fleet = await startObserved();
  const { router, decode, ids } = fleet;
  await using live = new EventReader(await fetch(`${router.adminUrl}/admin/live`));
  await live.until("fleet");
  await decode[Symbol.asyncDispose]();
  const answer = await post(
    `${router.url}/v1/completions`,
    BODY,
    { headers: { "x-request-id": "fails" } },
  );
  await answer.body?.cancel();
  assert(answer.status >= 500, `${answer.status}`);
  const { ended: [told] } = await live.until("requests");
  assertEquals([told.id, told.outcome, told.decode], ["fails", "server_error", ids.decode]);
  assert(told.error !== null, JSON.stringify(told));
  const detail = await ask(router.adminUrl, "GET", "/admin/requests/fails");
  const [request] = detail.json.requests;
  const failed = request.legs.filter(({ end }: { end: string }) => end === "failed");
  assert(failed.length > 0 && failed[0].code !== null, JSON.stringify(request.legs));
  await using again = new EventReader(await fetch(`${router.adminUrl}/admin/live`));
  const { pairs } = await again.until("fleet");
  assertEquals([pairs[0].prefill, pairs[0].decode, pairs[0].failed], [ids.prefill, ids.decode, 1]);
});
