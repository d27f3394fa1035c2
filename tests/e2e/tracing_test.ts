/** Requests as traces, at collectors on real sockets. */
import { silentLogger } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { ask } from "../support/admin.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { MODEL, startCluster, startSim } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { startObserved } from "../support/observed.ts";
import type { ReadSpan } from "../support/otlp.ts";
import { startGrpcReceiver, startHttpReceiver } from "../support/otlp_receiver.ts";
import { engineAt, post, startRouter } from "../support/router.ts";
import { metricOf } from "../support/routers.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENT = "b7ad6b7169203331";
const HEADERS = {
  traceparent: `00-${TRACE}-${CLIENT}-01`,
  tracestate: "vendor=1",
  baggage: "user=7",
};
const CHAT = {
  model: MODEL,
  messages: [{ role: "user", content: "Tell me of it" }],
  max_tokens: 6,
};
const PROMPT = { model: MODEL, prompt: "Tell me of the river", max_tokens: 4 };

/** What an engine was told of the trace with each request to `path`. */
function toldTo(engine: SimEngine, path: string): readonly Readonly<Record<string, string>>[] {
  return engine.stats().lastRequests.filter((seen) => seen.path === path).map(({ headers }) =>
    headers
  );
}

function named(spans: readonly ReadSpan[], name: string): ReadSpan {
  const found = spans.filter((span) => span.name === name);
  assertEquals(found.length, 1, `${name} of ${spans.map((span) => span.name)}`);
  return found[0] ?? named(spans, name);
}

Deno.test("a handoff is one trace: the client's, with a span for each leg, which engines go on below", async () => {
  await using receiver = startHttpReceiver();
  await using fleet = await startObserved({ tracing: receiver.options() });
  const { router, prefill, decode, ids } = fleet;
  const answer = await post(
    `${router.url}/v1/chat/completions`,
    { ...CHAT, stream: true, stream_options: { include_usage: true } },
    { headers: { ...HEADERS, "x-request-id": "mine" } },
  );
  await answer.text();
  await eventually(() => receiver.spans().length >= 5);
  const spans = receiver.spans();
  const request = named(spans, "POST /v1/chat/completions");
  assertEquals([request.traceId, request.parentId, request.kind], [TRACE, CLIENT, 2]);
  const wait = named(spans, "kv_wait");
  assertEquals([wait.parentId, wait.kind, wait.statusCode], [request.spanId, 1, 0]);
  const legs = [
    ["tokenize", "/tokenize", prefill, ids.prefill],
    ["prefill", "/v1/completions", prefill, ids.prefill],
    ["decode", "/v1/completions", decode, ids.decode],
  ] as const;
  for (const [name, path, engine, id] of legs) {
    const span = named(spans, name);
    assertEquals([span.traceId, span.parentId, span.kind], [TRACE, request.spanId, 3]);
    const { attributes } = span;
    assertEquals([attributes["pd.engine"], attributes["url.path"]], [id, path]);
    assertEquals(`${attributes["server.address"]}:${attributes["server.port"]}`, id);
    assertEquals(attributes["http.response.status_code"], 200);
    assert(span.startNs >= request.startNs && span.endNs <= request.endNs, name);
    const [told = {}, ...more] = toldTo(engine, path);
    assertEquals(more, []);
    assertEquals(
      [told["traceparent"], told["tracestate"], told["baggage"]],
      [`00-${TRACE}-${span.spanId}-01`, "vendor=1", "user=7"],
    );
  }
  const { attributes } = request;
  assertEquals(attributes["pd.route"], "handoff_p1");
  assertEquals([attributes["pd.prefill"], attributes["pd.decode"]], [ids.prefill, ids.decode]);
  assertEquals([attributes["pd.protocol"], attributes["pd.outcome"]], ["lmcache", "ok"]);
  assertEquals(attributes["gen_ai.operation.name"], "chat");
  assertEquals(attributes["gen_ai.request.model"], MODEL);
  assertEquals(attributes["gen_ai.provider.name"], "vllm");
  assertEquals(attributes["gen_ai.usage.output_tokens"], 6);
  assert(Number(attributes["gen_ai.usage.input_tokens"]) > 0);
  assertEquals([attributes["vllm.request_id"], attributes["vllm.is_streaming"]], ["mine", true]);
  assertEquals(request.events.map(({ name }) => name), ["first_token"]);
  assert(named(spans, "decode").startNs >= wait.endNs);
  const [batch] = receiver.batches;
  assertEquals(batch?.resource["service.name"], "vllm-router");
  assertMatch(String(batch?.resource["service.instance.id"]), /^[0-9a-f-]{36}$/);
  // Whoever has the trace finds the request.
  for (const id of ["mine", TRACE]) {
    const { json } = await ask(router.adminUrl, "GET", `/admin/requests/${id}`);
    assertEquals(json.requests.map((told: Record<string, unknown>) => told["trace_id"]), [TRACE]);
  }
});

Deno.test("requests are traced by gRPC as well, and the last ones when the router stops", async () => {
  await using receiver = await startGrpcReceiver();
  await using engine = await startSim({ role: "any" });
  {
    await using router = await startRouter([engineAt(engine.url, "any")], {
      tracing: receiver.options({ headers: [["x-key", "k"]] }),
    });
    const answer = await post(`${router.url}/v1/completions`, PROMPT);
    await answer.text();
    for (const path of ["/health", "/v1/models", "/metrics"]) {
      await (await fetch(router.url + path)).text();
    }
  }
  const spans = receiver.spans();
  assertEquals(spans.map(({ name }) => name), ["direct", "POST /v1/completions"]);
  const [direct, request] = spans;
  assertEquals([request?.parentId, direct?.parentId], ["", request?.spanId]);
  assertEquals(request?.attributes["pd.route"], "direct");
  assertEquals(direct?.attributes["gen_ai.usage.output_tokens"], 4);
  assertEquals(receiver.headers["x-key"], "k");
  const [told] = toldTo(engine, "/v1/completions");
  assertEquals(told?.["traceparent"], `00-${direct?.traceId}-${direct?.spanId}-01`);
});

Deno.test("each attempt is a span of its own, those that fail are failures", async () => {
  await using receiver = startHttpReceiver();
  await using cluster = await startCluster({
    prefills: 2,
    router: { tracing: receiver.options() },
  });
  for (const { faults } of cluster.prefills) faults.errorAnswer = 0;
  const [first] = cluster.prefills;
  assert(first !== undefined);
  first.faults.errorAnswer = 1;
  for (let turn = 0; turn < 2; turn++) {
    await (await post(`${cluster.url}/v1/completions`, PROMPT)).text();
  }
  await eventually(() => receiver.spans().filter(({ kind }) => kind === 2).length === 2);
  const spans = receiver.spans();
  const failed = spans.filter(({ statusCode }) => statusCode === 2);
  assertEquals(failed.map(({ name }) => name), ["prefill"]);
  const [wrong] = failed;
  assertEquals(wrong?.attributes["error.type"], "prefill-failed");
  const mates = spans.filter(({ traceId }) => traceId === wrong?.traceId);
  const again = mates.filter(({ name, statusCode }) => name === "prefill" && statusCode === 0);
  assertEquals(again.map((span) => span.attributes["http.request.resend_count"]), [1]);
  const request = mates.find(({ kind }) => kind === 2);
  assertEquals([request?.statusCode, request?.attributes["pd.outcome"]], [0, "ok"]);
  assertEquals(request?.events.map(({ name }) => name), ["retry"]);
});

Deno.test("a client that leaves is told of, and what goes on behind it", async () => {
  await using receiver = startHttpReceiver();
  await using fleet = await startObserved({ tracing: receiver.options() }, { itlMs: 40 });
  const leaving = new AbortController();
  const answer = await post(
    `${fleet.router.url}/v1/completions`,
    { ...PROMPT, max_tokens: 400, stream: true },
    { signal: leaving.signal },
  );
  await answer.body?.getReader().read();
  leaving.abort();
  await eventually(() => receiver.spans().some(({ kind }) => kind === 2));
  const request = named(receiver.spans(), "POST /v1/completions");
  assertEquals(request.attributes["pd.outcome"], "client_gone");
  assertEquals(request.events.at(-1)?.name, "client_gone");
  assertEquals(request.statusCode, 0);
});

Deno.test("an answer that ends in an error is a failure, with its code", async () => {
  await using receiver = startHttpReceiver();
  await using engine = await startSim({ role: "any" });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    tracing: receiver.options(),
  });
  engine.faults.cutAnswer = true;
  const answer = await post(`${router.url}/v1/completions`, PROMPT);
  await answer.text();
  assertEquals(answer.status, 502);
  const unknown = await post(`${router.url}/v1/completions`, { ...PROMPT, model: "no" });
  await unknown.text();
  await eventually(() => receiver.spans().filter(({ kind }) => kind === 2).length === 2);
  const [failed, refused] = receiver.spans().filter(({ kind }) => kind === 2);
  assertEquals(
    [failed?.statusCode, failed?.attributes["error.type"], failed?.attributes["pd.outcome"]],
    [2, "upstream-protocol", "server_error"],
  );
  assertEquals(
    [refused?.statusCode, refused?.attributes["pd.code"], refused?.attributes["error.type"]],
    [0, "unknown-model", undefined],
  );
});

Deno.test("several prompts of one request, and other endpoints, are traced", async () => {
  await using receiver = startHttpReceiver();
  await using engine = await startSim({ role: "any" });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    tracing: receiver.options(),
  });
  const rows = [
    ["/v1/completions", { ...PROMPT, prompt: ["a", "b"] }],
    ["/v1/embeddings", { model: MODEL, input: "a" }],
    ["/tokenize", { model: MODEL, prompt: "a" }],
    ["/v1/responses", { model: MODEL, input: "a" }],
  ] as const;
  for (const [path, body] of rows) {
    await (await post(`${router.url}${path}`, body)).text();
  }
  await eventually(() => receiver.spans().filter(({ kind }) => kind === 2).length === 4);
  const spans = receiver.spans();
  for (const [path] of rows) {
    const request = named(spans, `POST ${path}`);
    const legs = spans.filter(({ parentId }) => parentId === request.spanId);
    assert(legs.length > 0, path);
    assert(legs.every(({ traceId, kind }) => traceId === request.traceId && kind === 3), path);
  }
});

Deno.test("a collector that is down or hangs harms no request, and gets what waits once it is back", async () => {
  const lines: string[] = [];
  const log = { ...silentLogger(), warning: (message: string) => void lines.push(message) };
  await using receiver = startHttpReceiver((nth) => nth === 1 ? { status: 503 } : "take");
  await using engine = await startSim({ role: "any" });
  await using router = await startRouter([engineAt(engine.url, "any")], {
    tracing: receiver.options(),
    log_: log,
  });
  for (let turn = 0; turn < 5; turn++) {
    const answer = await post(`${router.url}/v1/completions`, PROMPT);
    assertEquals(answer.status, 200);
    await answer.text();
  }
  await eventually(() => receiver.spans().length === 10);
  assertEquals(lines, ["Traces cannot be exported; requests are served all the same"]);
  const exported = 'pd_router_spans_total{result="exported"}';
  await eventually(async () => await metricOf(router.url, exported) === 10);
  assertEquals(await metricOf(router.url, "pd_router_spans_waiting"), 0);
});

Deno.test("a router stops in time before a collector that hangs", async () => {
  await using receiver = startHttpReceiver(() => "hang");
  await using engine = await startSim({ role: "any" });
  const router = await startRouter([engineAt(engine.url, "any")], { tracing: receiver.options() });
  await (await post(`${router.url}/v1/completions`, PROMPT)).text();
  const since = performance.now();
  await router[Symbol.asyncDispose]();
  assert(performance.now() - since < 10_000);
  assertEquals(receiver.spans(), []);
});

Deno.test("what a client has to say of its trace goes on as it is where nothing is traced", async () => {
  await using engine = await startSim({ role: "any" });
  await using router = await startRouter([engineAt(engine.url, "any")]);
  await (await post(`${router.url}/v1/completions`, PROMPT, { headers: HEADERS })).text();
  const [told = {}] = toldTo(engine, "/v1/completions");
  for (const [name, value] of Object.entries(HEADERS)) assertEquals(told[name], value);
});

Deno.test("a client that does not trace has engines not trace either", async () => {
  await using receiver = startHttpReceiver();
  await using engine = await startSim({ role: "any" });
  {
    await using router = await startRouter([engineAt(engine.url, "any")], {
      tracing: receiver.options(),
    });
    const headers = { ...HEADERS, traceparent: `00-${TRACE}-${CLIENT}-00` };
    await (await post(`${router.url}/v1/completions`, PROMPT, { headers })).text();
  }
  const [told = {}] = toldTo(engine, "/v1/completions");
  assertMatch(told["traceparent"] ?? "", new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  assertEquals([receiver.asked, told["tracestate"]], [0, "vendor=1"]);
});
