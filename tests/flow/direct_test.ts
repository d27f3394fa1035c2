import { decodeUtf8, encodeUtf8, type ErrorCode, RouterError } from "../../lib/base/mod.ts";
import { direct, type DirectAsk } from "../../lib/flow/mod.ts";
import { type Answer, type ByteSource, isWhole, RetryBudget } from "../../lib/request/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { settle } from "../support/fake_clock.ts";
import { contextAt, engineOf, type FlowSetting, flowSetting } from "../support/flow_fakes.ts";
import { type EngineScript, json, type Reply, stream } from "../support/scripted_upstream.ts";

const [A, B] = [engineOf("a", "any"), engineOf("b", "any")];
const ASK: DirectAsk = {
  path: "/v1/completions?x=1",
  model: "m",
  body: [encodeUtf8('{"model":'), encodeUtf8('"m"}')],
  stream: false,
};
const STREAMED: DirectAsk = { ...ASK, stream: true };
const MIB = 1024 * 1024;

function failure(code: ErrorCode): RouterError {
  return new RouterError(code, `It is ${code}`);
}

async function textOf(body: Answer["body"]): Promise<string> {
  if (isWhole(body)) return decodeUtf8(body);
  let text = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    text += decodeUtf8(bytes);
  }
  return text;
}

function sourceOf({ body }: Answer): ByteSource {
  if (isWhole(body)) throw new Error("The body is whole");
  return body;
}

/** Nothing is under way any more, neither a flight nor a response. */
function assertQuiet({ fleet, upstream }: FlowSetting): void {
  assertEquals([fleet.inflight, upstream.open], [0, 0]);
}

Deno.test("direct() sends the request as it is, once, and gives the answer back", async () => {
  const passed = [["content-type", "application/json"], ["x-engine", "a"]] as const;
  const headers = [...passed, ["connection", "x-hop"], ["x-hop", "1"], ["date", "d"]] as const;
  const script: EngineScript = () => ({ ...json({ a: 1 }, 201), headers });
  await using setting = flowSetting([A], script);
  const context = contextAt(setting.clock);
  const answer = await direct(setting.flow, context, ASK);
  assertEquals([answer.status, answer.headers], [201, passed]);
  assertEquals(await textOf(answer.body), '{"a":1}');
  const [sent, ...more] = setting.upstream.sent;
  assertEquals(more, []);
  assertEquals([sent?.to, sent?.path, sent?.text], ["a", ASK.path, '{"model":"m"}']);
  assertEquals(sent?.request.method, "POST");
  // All the client's fields, under an id of this attempt's own.
  assertMatch(sent?.request.headers.join() ?? "", /^x-request-id,r-[0-9a-f]{16}$/);
  assertEquals(context.trace.route, "direct");
  assertEquals(context.trace.events.map(({ step, engine }) => [step, engine]), [
    ["direct-sent", A.url],
    ["direct-head", A.url],
  ]);
  assertEquals(setting.fleet.landed, ["direct a ok"]);
  assertQuiet(setting);
});

Deno.test("direct() waits for the head as long as the kind of answer takes", async () => {
  for (const streams of [false, true]) {
    await using setting = flowSetting([A], () => streams ? stream() : json({}));
    const { timeouts } = setting.flow;
    const ask = { path: "/x", model: "m", method: "GET", stream: streams } as const;
    await direct(setting.flow, contextAt(setting.clock), ask);
    const { request } = setting.upstream.sent.at(-1) ?? {};
    const { firstByteMs, wholeAnswerMs } = timeouts;
    assertEquals(request?.headTimeoutMs, streams ? firstByteMs : wholeAnswerMs);
    assertEquals(request?.connectTimeoutMs, timeouts.connectMs);
    assertEquals(request?.idleTimeoutMs, timeouts.streamIdleMs);
    assertEquals([request?.method, request?.body], ["GET", undefined]);
  }
});

Deno.test("direct() keeps the route of a request that has one already", async () => {
  await using setting = flowSetting([A], () => json({}));
  const context = contextAt(setting.clock);
  context.trace.route = "fan_out";
  await direct(setting.flow, context, ASK);
  assertEquals(context.trace.route, "fan_out");
});

Deno.test("direct() passes over an engine that cannot be reached", async () => {
  const script: EngineScript = ({ to }) => to === "a" ? failure("upstream-unreachable") : json({});
  await using setting = flowSetting([A, B], script);
  const { fleet, flow, clock, lines } = setting;
  const answer = await direct(flow, contextAt(clock), { ...ASK, sessionKey: "s" });
  assertEquals([answer.status, await textOf(answer.body)], [200, "{}"]);
  assertEquals(fleet.directAsks, [
    { model: "m", session: "s", attempt: 1, exclude: [] },
    { model: "m", session: "s", attempt: 2, exclude: [{ id: "a", why: "failed" }] },
  ]);
  assertEquals(fleet.landed, ["direct a failed upstream-unreachable", "direct b ok"]);
  assertEquals(lines.filter(({ level }) => level === "warning"), [{
    level: "warning",
    message: "Asking another engine",
    request: "r",
    error: "It is upstream-unreachable",
  }]);
  assertQuiet(setting);
});

Deno.test("direct() passes over one engine, and not over a second", async () => {
  const engines = [A, B, engineOf("c", "any")];
  await using setting = flowSetting(engines, () => failure("upstream-unreachable"));
  const asked = direct(setting.flow, contextAt(setting.clock), ASK);
  await assertRejects(() => asked, RouterError, "It is upstream-unreachable");
  const [first, second, ...more] = setting.upstream.sent.map(({ to }) => to);
  assert(first === "a" && second !== undefined && second !== first && more.length === 0);
  assertQuiet(setting);
});

Deno.test("direct() gives up where no other engine serves the model", async () => {
  const others = [{ ...B, models: ["other"] }, engineOf("p", "prefill")];
  await using setting = flowSetting([A, ...others], () => failure("upstream-unreachable"));
  const asked = direct(setting.flow, contextAt(setting.clock), ASK);
  await assertRejects(() => asked, RouterError, "It is upstream-unreachable");
  assertEquals(setting.fleet.landed, ["direct a failed upstream-unreachable"]);
  assertEquals(setting.lines.filter(({ level }) => level === "warning"), []);
});

Deno.test("direct() stays with the engine that the client picked", async () => {
  await using setting = flowSetting([A, B], () => failure("upstream-unreachable"));
  const asked = direct(setting.flow, contextAt(setting.clock), { ...ASK, engine: B });
  await assertRejects(() => asked, RouterError, "It is upstream-unreachable");
  assertEquals(setting.fleet.directAsks, []);
  assertEquals(setting.fleet.landed, ["direct b failed upstream-unreachable"]);
});

for (const code of ["upstream-lost", "upstream-protocol"] as const) {
  Deno.test(`direct() asks one other engine where the answer of the first fails: ${code}`, async () => {
    const answers: (Reply | RouterError)[] = [failure(code), json({ ok: true })];
    await using setting = flowSetting([A, B], () => answers.shift() ?? failure("internal"));
    const answer = await direct(setting.flow, contextAt(setting.clock), ASK);
    assertEquals(await textOf(answer.body), '{"ok":true}');
    assertEquals(setting.fleet.landed, [`direct a failed ${code}`, "direct b ok"]);
    assertQuiet(setting);
  });

  Deno.test(`direct() fails where the second engine does as well: ${code}`, async () => {
    await using setting = flowSetting([A, B], () => failure(code));
    const asked = direct(setting.flow, contextAt(setting.clock), ASK);
    assertEquals((await assertRejects(() => asked, RouterError)).code, code);
    assertEquals(setting.fleet.landed, [`direct a failed ${code}`, `direct b failed ${code}`]);
    assertQuiet(setting);
  });
}

Deno.test("direct() waits for an engine that is slow, and asks nobody besides", async () => {
  await using setting = flowSetting([A, B], () => failure("upstream-timeout"));
  const asked = direct(setting.flow, contextAt(setting.clock), ASK);
  assertEquals((await assertRejects(() => asked, RouterError)).code, "upstream-timeout");
  assertEquals(setting.fleet.landed, ["direct a failed upstream-timeout"]);
  assertQuiet(setting);
});

Deno.test("direct() asks another engine where one answers with an error of its own", async () => {
  const answers = [json({ error: "no" }, 500), json({ ok: true })];
  await using setting = flowSetting([A, B], () => answers.shift() ?? failure("internal"));
  const answer = await direct(setting.flow, contextAt(setting.clock), ASK);
  assertEquals([answer.status, await textOf(answer.body)], [200, '{"ok":true}']);
  assertEquals(setting.fleet.landed, ["direct a ok", "direct b ok"]);
});

for (const status of [400, 404, 422, 501]) {
  Deno.test(`direct() passes an engine's ${status} on: it is an answer`, async () => {
    await using setting = flowSetting([A, B], () => json({ error: "no" }, status));
    const answer = await direct(setting.flow, contextAt(setting.clock), ASK);
    assertEquals([answer.status, await textOf(answer.body)], [status, '{"error":"no"}']);
    assertEquals(setting.fleet.landed, ["direct a ok"]);
  });
}

Deno.test("direct() passes an engine's 500 on where no other answers", async () => {
  const answers: (Reply | RouterError)[] = [
    json({ error: "no" }, 500),
    failure("upstream-unreachable"),
  ];
  await using setting = flowSetting([A, B], () => answers.shift() ?? failure("internal"));
  const answer = await direct(setting.flow, contextAt(setting.clock), ASK);
  assertEquals([answer.status, await textOf(answer.body)], [500, '{"error":"no"}']);
});

Deno.test("direct() tells which engines might serve where only prefill engines do", async () => {
  const silent = [{ ...A, models: [] }, { ...engineOf("q", "prefill"), models: [] }];
  const cases = [
    [[engineOf("p", "prefill")], "they answer nothing alone"],
    [[engineOf("p", "prefill"), ...silent], `not heard from yet: ${A.url}`],
  ] as const;
  for (const [engines, message] of cases) {
    await using setting = flowSetting(engines, () => json({}));
    const asked = direct(setting.flow, contextAt(setting.clock), ASK);
    const error = await assertRejects(() => asked, RouterError);
    assertEquals([error.code, error.param], ["no-engine", "model"]);
    assert(error.message.endsWith(message), error.message);
  }
});

const JSON_TYPE = ["content-type", "application/json"] as const;

/** A body of `size` bytes, whose length is told. */
function sized(size: number, ...body: Reply["body"] & object): Reply {
  return { headers: [JSON_TYPE, ["content-length", String(size)]], body };
}

Deno.test("direct() reads a body up to 1 MiB whole, and passes on what is larger or unknown", async () => {
  const cases: readonly (readonly [reply: Reply, whole: boolean])[] = [
    [sized(0), true],
    [sized(4, "on", "ce"), true],
    [sized(MIB, "x".repeat(MIB)), true],
    [sized(MIB + 1, "x".repeat(MIB), "y"), false],
    [{ headers: [JSON_TYPE], body: ["no length"] }, false],
  ];
  for (const [reply, whole] of cases) {
    await using setting = flowSetting([A], () => reply);
    const answer = await direct(setting.flow, contextAt(setting.clock), ASK);
    assertEquals(isWhole(answer.body), whole);
    assertEquals([setting.fleet.inflight, setting.upstream.open], whole ? [0, 0] : [1, 1]);
    assertEquals(await textOf(answer.body), reply.body?.join("") ?? "");
    assertEquals(setting.fleet.landed, ["direct a ok"]);
    assertQuiet(setting);
  }
});

Deno.test("direct() passes a stream on as it comes", async () => {
  await using setting = flowSetting([A], () => stream("data: 1\n\n", "data: 2\n\n"));
  const answer = await direct(setting.flow, contextAt(setting.clock), STREAMED);
  assertEquals([setting.fleet.inflight, setting.upstream.open], [1, 1]);
  assertEquals(await textOf(answer.body), "data: 1\n\ndata: 2\n\n");
  assertEquals(setting.fleet.landed, ["direct a ok"]);
  assertQuiet(setting);
});

Deno.test("direct() fails with a small body that is cut short", async () => {
  const cut = failure("upstream-protocol");
  await using setting = flowSetting([A], () => sized(9, "half", cut));
  const asked = direct(setting.flow, contextAt(setting.clock), ASK);
  assertEquals(await assertRejects(() => asked, RouterError), cut);
  assertEquals(setting.fleet.landed, ["direct a failed upstream-protocol"]);
  assertQuiet(setting);
});

Deno.test("direct() tells once how a stream ended, whatever is asked of it afterwards", async () => {
  const broken = failure("upstream-protocol");
  const cases: readonly (readonly [reply: Reply, landed: string])[] = [
    [stream("data: 1\n\n"), "direct a ok"],
    [stream("data: 1\n\n", broken), "direct a failed upstream-protocol"],
  ];
  for (const [reply, landed] of cases) {
    await using setting = flowSetting([A], () => reply);
    const source = sourceOf(await direct(setting.flow, contextAt(setting.clock), STREAMED));
    assertEquals(decodeUtf8(await source.read() ?? new Uint8Array()), "data: 1\n\n");
    assertEquals(setting.fleet.landed, []);
    if (reply.body?.includes(broken)) await assertRejects(() => source.read(), RouterError);
    else assertEquals(await source.read(), undefined);
    source.cancel();
    source.cancel();
    assertEquals(setting.fleet.landed, [landed]);
    assertQuiet(setting);
  }
});

Deno.test("direct() gives everything back when a stream is not wanted any more", async () => {
  await using setting = flowSetting([A], () => stream("data: 1\n\n", "data: 2\n\n"));
  const source = sourceOf(await direct(setting.flow, contextAt(setting.clock), STREAMED));
  await source.read();
  source.cancel();
  assertEquals(setting.fleet.landed, ["direct a left"]);
  assertQuiet(setting);
});

Deno.test("direct() ends with the client, and holds nothing against the engine", async () => {
  const never = new Promise<never>(() => {});
  const cases: readonly (readonly [name: string, reply: Promise<Reply> | Reply])[] = [
    ["before the head", never],
    ["in a small body", sized(9, "half", never)],
  ];
  for (const [name, reply] of cases) {
    await using setting = flowSetting([A, B], () => reply);
    const client = new AbortController();
    const asked = direct(setting.flow, contextAt(setting.clock, client.signal), ASK);
    const ended = assertRejects(() => asked, RouterError);
    await settle();
    assertEquals(setting.upstream.open, name === "before the head" ? 0 : 1);
    client.abort();
    assertEquals((await ended).code, "client-gone", name);
    assertEquals(setting.fleet.landed, ["direct a left"], name);
    assertQuiet(setting);
  }
});

Deno.test("direct() ends a stream with the client, and holds nothing against the engine", async () => {
  await using setting = flowSetting([A], () => stream("data: 1\n\n", new Promise(() => {})));
  const client = new AbortController();
  const context = contextAt(setting.clock, client.signal);
  const source = sourceOf(await direct(setting.flow, context, STREAMED));
  await source.read();
  const reading = assertRejects(() => source.read(), RouterError);
  client.abort();
  assertEquals((await reading).code, "client-gone");
  assertEquals(setting.fleet.landed, ["direct a left"]);
  assertQuiet(setting);
});

Deno.test("direct() leaves a line for every engine that is asked", async () => {
  const script: EngineScript = ({ to }) => to === "a" ? failure("upstream-unreachable") : json({});
  await using setting = flowSetting([A, B], script);
  await direct(setting.flow, contextAt(setting.clock), ASK);
  const routed = setting.lines.map(({ message }) => String(message))
    .filter((message) => message.startsWith("Routing request"));
  assertEquals(routed.length, 2);
  assertStringIncludes(
    routed[0] ?? "",
    "Routing request r with session id None to http://a:8000 at",
  );
});

Deno.test("direct() passes over as many engines as a request may be tried again, each once", async () => {
  const C = engineOf("c", "any");
  const refuses: EngineScript = () => failure("upstream-unreachable");
  for (const [perRequest, asked] of [[0, 1], [1, 2], [2, 3], [9, 3]] as const) {
    await using setting = flowSetting([A, B, C], refuses);
    const limits = { perRequest, share: 1, perSecond: 10 };
    const flow = { ...setting.flow, retries: new RetryBudget(setting.clock, limits) };
    const ask = direct(flow, contextAt(setting.clock), ASK);
    assertEquals((await assertRejects(() => ask, RouterError)).code, "upstream-unreachable");
    const to = setting.upstream.sent.map((sent) => sent.to);
    assertEquals([to.length, new Set(to).size], [asked, asked]);
    assertQuiet(setting);
  }
});

Deno.test("direct() goes on past one that is full and one that is gone, and not past one that failed", async () => {
  const C = engineOf("c", "any");
  const rows: readonly (readonly [readonly (Reply | ErrorCode)[], number, number])[] = [
    [[json({}, 503), "upstream-unreachable", json({ ok: 1 })], 3, 200],
    [[json({}, 503), "upstream-unreachable", "upstream-unreachable"], 3, 503],
    [[json({}, 503), "upstream-timeout", json({ ok: 1 })], 2, 503],
  ];
  for (const [replies, asked, status] of rows) {
    const left = [...replies];
    await using setting = flowSetting([A, B, C], () => {
      const reply = left.shift() ?? json({});
      return typeof reply === "string" ? failure(reply) : reply;
    });
    const limits = { perRequest: 3, share: 1, perSecond: 10 };
    const flow = { ...setting.flow, retries: new RetryBudget(setting.clock, limits) };
    const answer = await direct(flow, contextAt(setting.clock), ASK);
    assertEquals([setting.upstream.sent.length, answer.status], [asked, status]);
  }
});
