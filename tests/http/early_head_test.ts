import { decodeUtf8, encodeUtf8, RouterError, silentLogger } from "../../lib/base/mod.ts";
import { EarlyHead } from "../../lib/http/early_head.ts";
import { PING_MS } from "../../lib/http/pinged_stream.ts";
import { errorAnswer, type ToldAnswer } from "../../lib/http/respond.ts";
import { type Answer, Background, isWhole, RequestTrace } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { FakeBody } from "../support/fake_body.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

const PING = ": ping\n\n";
const AFTER_MS = 5_000;
const EVENTS = [["content-type", "text/event-stream; charset=utf-8"]] as const;

interface Setting {
  readonly clock: FakeClock;
  readonly trace: RequestTrace;
  readonly head: EarlyHead;
  /** The router's answer comes when it is resolved. */
  readonly coming: PromiseWithResolvers<ToldAnswer>;
  /** What the client is answered. */
  readonly answer: Promise<Answer>;
  readonly counts: { early: number; left: number };
  readonly background: Background;
}

function setting(path = "/v1/chat/completions", streams = true): Setting {
  const clock = new FakeClock();
  const trace = new RequestTrace(clock);
  trace.streams = streams;
  const counts = { early: 0, left: 0 };
  const background = new Background(silentLogger());
  const head = new EarlyHead({
    clock,
    background,
    telling: { path, requestId: "r1", told: (error) => error },
    trace,
    afterMs: AFTER_MS,
    onEarly: () => counts.early++,
    leave: () => counts.left++,
  });
  const coming = Promise.withResolvers<ToldAnswer>();
  const answer = head.before(coming.promise.then((answer) => head.fitted(answer)));
  return { clock, trace, head, coming, answer, counts, background };
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  return await Promise.race([promise, Promise.resolve(pending)]) === pending;
}

/** The next bytes of a body that is no whole one. */
async function nextOf({ body }: Answer): Promise<string | undefined> {
  assert(!isWhole(body));
  const bytes = await body.read();
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

/** An answer whose head is sent early, and its first comment read. */
async function sentEarly(path?: string): Promise<Setting & { readonly early: Answer }> {
  const made = setting(path);
  made.trace.accept();
  await made.clock.advance(AFTER_MS);
  const early = await made.answer;
  assertEquals([early.status, made.counts.early, await nextOf(early)], [200, 1, PING]);
  return { ...made, early };
}

Deno.test("EarlyHead leaves an answer that comes in time as it is", async () => {
  const { clock, trace, coming, answer, counts } = setting();
  trace.accept();
  await clock.advance(AFTER_MS - 1);
  assert(await isPending(answer));
  const refused = { status: 400, headers: [], body: encodeUtf8("{}") };
  coming.resolve(refused);
  assertEquals([await answer, counts.early], [refused, 0]);
  await settle();
  assertEquals(clock.pending, 0);
});

Deno.test("EarlyHead waits until the request is accepted", async () => {
  const { clock, trace, answer, coming, counts } = setting();
  await clock.advance(AFTER_MS * 3);
  assert(await isPending(answer), "it may be no request at all");
  trace.accept();
  await settle();
  assertEquals([(await answer).status, counts.early], [200, 1]);
  coming.resolve({ status: 200, headers: EVENTS, body: encodeUtf8("data: 1\n\n") });
});

Deno.test("EarlyHead waits for answers that are no streams, however long", async () => {
  const { clock, trace, answer, coming, counts } = setting("/v1/embeddings", false);
  trace.accept();
  await clock.advance(AFTER_MS * 10);
  assert(await isPending(answer));
  const whole = { status: 200, headers: [], body: encodeUtf8("{}") };
  coming.resolve(whole);
  assertEquals([await answer, counts.early], [whole, 0]);
});

Deno.test("EarlyHead says what a head can, before there is an answer", async () => {
  const { early, coming } = await sentEarly();
  assertEquals(Object.fromEntries(early.headers), {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-request-id": "r1",
  });
  coming.resolve({ status: 200, headers: EVENTS, body: new Uint8Array(0) });
  const messages = await sentEarly("/v1/messages");
  assertEquals(Object.fromEntries(messages.early.headers)["request-id"], "r1");
  messages.coming.resolve({ status: 200, headers: EVENTS, body: new Uint8Array(0) });
});

Deno.test("EarlyHead goes on with the answer, behind as many comments as it takes", async () => {
  const { clock, early, coming } = await sentEarly();
  for (let round = 0; round < 4; round++) {
    const reading = nextOf(early);
    await clock.advance(PING_MS);
    assertEquals(await reading, PING);
  }
  const body = new FakeBody(["data: 1\n\n", "data: [DONE]\n\n"]);
  coming.resolve({ status: 200, headers: EVENTS, body });
  assertEquals([await nextOf(early), await nextOf(early), await nextOf(early)], [
    "data: 1\n\n",
    "data: [DONE]\n\n",
    undefined,
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("EarlyHead comments the silences of an answer that came in time", async () => {
  const { clock, coming, answer } = setting();
  const body = new FakeBody();
  coming.resolve({ status: 200, headers: EVENTS, body });
  const there = await answer;
  body.send("data: 1\n\n");
  assertEquals(await nextOf(there), "data: 1\n\n");
  const reading = nextOf(there);
  await clock.advance(PING_MS);
  assertEquals(await reading, PING);
  body.end();
  assertEquals(await nextOf(there), undefined);
});

/** Errors that engines, and the router, answer with; and what is told of them. */
const FAILURES: readonly (readonly [name: string, failed: () => ToldAnswer, told: unknown])[] = [
  [
    "an engine's refusal",
    () => ({
      status: 400,
      headers: [["content-type", "application/json"]],
      body: encodeUtf8(
        '{"error":{"message":"too long","type":"BadRequestError","param":"prompt","code":400}}',
      ),
    }),
    { message: "too long", type: "BadRequestError", param: "prompt", code: 400 },
  ],
  [
    "a web framework's refusal, not whole yet",
    () => ({ status: 429, headers: [], body: new FakeBody(['{"detail":', '"slow down"}']) }),
    { message: "slow down", type: "BadRequestError", param: null, code: 429 },
  ],
  [
    "a page of a proxy",
    () => ({
      status: 502,
      headers: [["content-type", "text/html"]],
      body: encodeUtf8("<h1>Bad</h1>"),
    }),
    { message: "<h1>Bad</h1>", type: "BadGatewayError", param: null, code: 502 },
  ],
  [
    "nothing at all",
    () => ({ status: 503, headers: [], body: new Uint8Array(0) }),
    {
      message: "The request was answered with status 503",
      type: "BadGatewayError",
      param: null,
      code: 503,
    },
  ],
  [
    "an answer that is no stream",
    () => ({
      status: 200,
      headers: [["content-type", "application/json"]],
      body: encodeUtf8("{}"),
    }),
    {
      message: "The engine answered 200 and no stream of events",
      type: "BadGatewayError",
      param: null,
      code: 502,
    },
  ],
  [
    "an error of the router's",
    () => errorAnswer(new RouterError("kv-timeout", "no KV"), silentLogger()),
    { message: "no KV", type: "GatewayTimeoutError", param: null, code: 504 },
  ],
];

for (const [name, failed, error] of FAILURES) {
  Deno.test(`EarlyHead tells ${name} as an event with its status`, async () => {
    const { early, coming } = await sentEarly();
    coming.resolve(failed());
    assertEquals(await nextOf(early), `data: ${JSON.stringify({ error })}\n\n`);
    assertEquals(await nextOf(early), undefined);
  });
}

Deno.test("EarlyHead names events where clients expect it", async () => {
  const body = encodeUtf8('{"type":"error","error":{"type":"BadRequestError","message":"no"}}');
  const messages = await sentEarly("/v1/messages");
  messages.coming.resolve({ status: 400, headers: [], body });
  assertEquals(
    await nextOf(messages.early),
    'event: error\ndata: {"type":"error","error":{"type":"invalid_request_error",' +
      '"message":"no","code":400},"request_id":"r1"}\n\n',
  );
  const responses = await sentEarly("/v1/responses");
  responses.coming.resolve({ status: 400, headers: [], body });
  assertEquals(
    await nextOf(responses.early),
    'event: error\ndata: {"type":"error","error":{"message":"no","type":"BadRequestError",' +
      '"param":null,"code":400}}\n\n',
  );
});

Deno.test("EarlyHead keeps no more of an error than it tells", async () => {
  const { early, coming } = await sentEarly();
  const body = new FakeBody(Array.from({ length: 100 }, () => "x".repeat(1024)));
  coming.resolve({ status: 500, headers: [], body });
  const event = await nextOf(early) ?? "";
  assert(event.includes("x".repeat(300)) && event.length < 1_000);
  assertEquals(body.cancelled, true);
});

Deno.test("EarlyHead ends everything when the client leaves before there is an answer", async () => {
  const { early, coming, counts, background } = await sentEarly();
  assert(!isWhole(early.body));
  const reading = early.body.read();
  early.body.cancel();
  assertEquals(counts.left, 1);
  const body = new FakeBody();
  coming.resolve({ status: 200, headers: EVENTS, body });
  await background.idle();
  assertEquals(body.cancelled, true);
  assertEquals(await reading, undefined);
});
