import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import { advancing, TurningClock } from "../support/turning_clock.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestRouter,
} from "../support/router.ts";
import { type Script, type ScriptedEngine, startScripted } from "../support/scripted_engine.ts";
import {
  data,
  event,
  type ScriptedPair,
  sse,
  usageEvent,
  withPair,
} from "../support/scripted_pair.ts";

const EARLY_MS = 5_000;
const ANSWERS = {
  exposeEngines: true,
  allowedOrigins: [],
  earlyHeadMs: EARLY_MS,
  rankLeg: "decode",
} as const;
const PING = ": ping\n\n";
const CHAT = { model: "m", messages: [{ role: "user" as const, content: "hi" }] };
const REFUSAL = { error: { message: "too long", type: "BadRequestError", param: null, code: 400 } };
const REST = [
  event(" two"),
  event(" three", { finish_reason: "length" }),
  usageEvent(4, 2),
  data("[DONE]"),
];

/** An answer that comes when a test says. */
interface Gate {
  readonly script: Script;
  readonly open: (answer: Response) => void;
}

function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<Response>();
  return { script: () => promise, open: resolve };
}

interface Slow {
  readonly router: TestRouter;
  readonly engine: ScriptedEngine;
  readonly clock: TurningClock;
  readonly open: (answer: Response) => void;
}

/** One engine that answers when the test says, behind a router whose clock the test moves. */
async function withSlow(
  run: (slow: Slow) => Promise<void>,
  changes: RouterChanges = { answers: ANSWERS },
): Promise<void> {
  const { script, open } = gate();
  const clock = new TurningClock();
  await using engine = startScripted(script);
  await using router = await startRouter([engineAt(engine.url, "any")], { clock, ...changes });
  await run({ router, engine, clock, open });
  // Whoever still waits is let go.
  open(Response.json({}));
}

/** Ask for a stream, and be answered before the engine is. */
async function askEarly({ router, engine, clock }: Slow, path: string): Promise<Response> {
  const before = engine.asked.length;
  const answering = post(router.url + path, { ...CHAT, prompt: "a", input: "a", stream: true });
  await eventually(() => engine.asked.length > before);
  await clock.advance(EARLY_MS);
  return await answering;
}

async function figure(router: TestRouter, name: RegExp): Promise<number> {
  const text = await (await fetch(`${router.url}/metrics`)).text();
  return Number(new RegExp(`^${name.source} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

Deno.test("a slow stream's head is sent early, and its events when they come", async () => {
  for (const path of ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"]) {
    await withSlow(async (slow) => {
      const answer = await askEarly(slow, path);
      const { headers } = answer;
      assertEquals(answer.status, 200);
      assertEquals(headers.get("content-type"), "text/event-stream; charset=utf-8");
      assertEquals([headers.get("cache-control"), headers.get("x-accel-buffering")], [
        "no-cache",
        "no",
      ]);
      assert(headers.get("x-request-id"));
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals((await reader?.read())?.value, PING);
      slow.open(sse([data({ a: 1 }), data("[DONE]")]));
      let text = "";
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        text += part.value;
      }
      assertEquals(text, data({ a: 1 }) + data("[DONE]"));
      const endpoint = `pd_router_early_heads_total\\{endpoint="${path}"\\}`;
      assertEquals(await figure(slow.router, new RegExp(endpoint)), 1);
      // What the client waited for is the first event, not the comment.
      assertEquals(
        await figure(slow.router, /pd_router_time_to_first_token_seconds_count\{route="direct"\}/),
        1,
      );
    });
  }
});

Deno.test("an error behind an early head is an event with its status", async () => {
  const rows: readonly (readonly [status: number, body: unknown, message: string])[] = [
    [400, REFUSAL, "too long"],
    [429, { detail: "slow down" }, "slow down"],
    [503, { error: "asleep" }, "asleep"],
  ];
  for (const [status, body, message] of rows) {
    await withSlow(async (slow) => {
      const answer = await askEarly(slow, "/v1/chat/completions");
      slow.open(Response.json(body, { status }));
      const [ping, event, ...more] = (await answer.text()).split("\n\n");
      const { error } = JSON.parse(event?.slice("data: ".length) ?? "");
      assertEquals([ping, error.code, error.message, more], [": ping", status, message, [""]]);
      const outcome = status < 500 ? "client_error" : "server_error";
      const requests = new RegExp(
        `pd_router_requests_total\\{endpoint="/v1/chat/completions",route="direct",outcome="${outcome}"\\}`,
      );
      assertEquals(await figure(slow.router, requests), 1);
    });
  }
});

Deno.test("what is no request an engine works on is refused by the status, however early heads are", async () => {
  await withSlow(async ({ router, engine, clock }) => {
    for (
      const [body, status] of [["{", 400], [{ ...CHAT, model: "x", stream: true }, 404]] as const
    ) {
      const asked = post(`${router.url}/v1/chat/completions`, body);
      const answer = await advancing(clock, asked);
      await answer.text();
      assertEquals(answer.status, status);
    }
    assertEquals(engine.asked, []);
  });
});

Deno.test("without --early-head nothing is sent before there is an answer", async () => {
  await withSlow(async ({ router, engine, clock, open }) => {
    const answering = post(`${router.url}/v1/chat/completions`, { ...CHAT, stream: true });
    await eventually(() => engine.asked.length > 0);
    await clock.advance(15_000);
    open(Response.json(REFUSAL, { status: 400 }));
    const answer = await answering;
    assertEquals([answer.status, await answer.json()], [400, REFUSAL]);
  }, {});
});

Deno.test("an answer that is no stream is waited for", async () => {
  await withSlow(async ({ router, engine, clock, open }) => {
    const answering = post(`${router.url}/v1/chat/completions`, CHAT);
    await eventually(() => engine.asked.length > 0);
    await clock.advance(EARLY_MS * 3);
    open(Response.json(REFUSAL, { status: 400 }));
    assertEquals((await answering).status, 400);
    await (await answering).text();
  });
});

Deno.test("a client that leaves behind an early head ends its request at the engine", async () => {
  await withSlow(async (slow) => {
    const answer = await askEarly(slow, "/v1/chat/completions");
    await answer.body?.cancel();
    // The front asks whether it is there from time to time.
    await eventually(async () => {
      await slow.clock.advance(100);
      return slow.engine.asked[0]?.signal.aborted === true;
    }, () => "the engine's end");
    await eventually(() => slow.router.app.stats().inflight === 0);
    const gone =
      /pd_router_requests_total\{endpoint="\/v1\/chat\/completions",route="direct",outcome="client_gone"\}/;
    await eventually(async () => await figure(slow.router, gone) === 1);
    assertEquals(slow.router.app.stats().connections, 0);
  });
});

async function withSlowPrefill(
  run: (pair: ScriptedPair, clock: FakeClock, gates: readonly Gate[]) => Promise<void>,
  router: RouterChanges = {},
): Promise<void> {
  const clock = new TurningClock();
  const gates = [gate(), gate()];
  let asked = 0;
  await withPair({
    prefill: {
      respond: async (request) =>
        await (gates[asked++] ?? gate()).script(request) ?? new Response(),
    },
    decode: ({ text }) => JSON.parse(text).stream === true ? sse(REST) : Response.json({}),
    router: { answers: ANSWERS, clock, ...router },
  }, (pair) => run(pair, clock, gates));
}

function prefilled(): Response {
  return Response.json({
    id: "cmpl-p",
    object: "text_completion",
    created: 1,
    model: "m",
    choices: [{
      index: 0,
      text: " one",
      logprobs: null,
      finish_reason: "length",
      stop_reason: null,
    }],
    usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    kv_transfer_params: { first_tok: 9 },
  });
}

Deno.test("a slow prefill's stream begins early, and goes on as ever", async () => {
  await withSlowPrefill(async ({ router, prefill }, clock, [first]) => {
    const ask = { model: "m", prompt: "hi", max_tokens: 3, stream: true };
    const answering = post(`${router.url}/v1/completions`, ask, {
      headers: { "x-request-id": "abc" },
    });
    await eventually(() => prefill.asked.some(({ path }) => path === "/v1/completions"));
    await clock.advance(EARLY_MS);
    const answer = await answering;
    assertEquals([answer.status, answer.headers.get("x-request-id")], [200, "abc"]);
    first?.open(prefilled());
    const text = await answer.text();
    assert(text.startsWith(PING), text);
    for (const part of ['" one"', '" two"', '" three"', '"id":"cmpl-abc"', "[DONE]"]) {
      assertStringIncludes(text, part);
    }
  });
});

Deno.test("a prefill that fails behind an early head is tried again with another", async () => {
  const clock = new TurningClock();
  const { script, open } = gate();
  let asked = 0;
  const prefill: Script = (request) => ++asked === 1 ? script(request) : prefilled();
  await using one = startScripted(prefill);
  await using other = startScripted(prefill);
  await using decode = startScripted(() => sse(REST));
  await using router = await startRouter([
    engineAt(one.url, "prefill"),
    engineAt(other.url, "prefill"),
    engineAt(decode.url, "decode"),
  ], { handoff: { kind: "shared_storage" }, answers: ANSWERS, clock });
  const ask = { model: "m", prompt: "hi", max_tokens: 3, stream: true };
  const answering = post(`${router.url}/v1/completions`, ask);
  await eventually(() => asked === 1);
  await clock.advance(EARLY_MS);
  const answer = await answering;
  assertEquals([answer.status, asked], [200, 1]);
  open(new Response("broken", { status: 500 }));
  assertEquals(await answer.text(), PING + REST.join(""));
  assertEquals([one.asked.length, other.asked.length], [1, 1]);
});

Deno.test("a handoff that comes to nothing behind an early head is told with its status", async () => {
  await withSlowPrefill(async ({ router, prefill }, clock, [first]) => {
    const ask = { model: "m", prompt: "hi", max_tokens: 3, stream: true };
    const answering = post(`${router.url}/v1/completions`, ask);
    await eventually(() => prefill.asked.some(({ path }) => path === "/v1/completions"));
    await clock.advance(EARLY_MS);
    const answer = await answering;
    first?.open(new Response("broken", { status: 500 }));
    const [, event = ""] = (await answer.text()).split(PING);
    const { error } = JSON.parse(event.slice("data: ".length));
    assertEquals([error.type, error.code], ["BadGatewayError", 502]);
  });
});

Deno.test("what engines say of having no room is told with its status behind an early head", async () => {
  await withSlowPrefill(async ({ router, prefill }, clock, [first]) => {
    const ask = { model: "m", prompt: "hi", max_tokens: 3, stream: true };
    const answering = post(`${router.url}/v1/completions`, ask);
    await eventually(() => prefill.asked.some(({ path }) => path === "/v1/completions"));
    await clock.advance(EARLY_MS);
    const answer = await answering;
    const said = { message: "busy", type: "RateLimitError", param: null, code: 429 };
    first?.open(Response.json({ error: said }, { status: 429 }));
    const [, event = ""] = (await answer.text()).split(PING);
    assertEquals(JSON.parse(event.slice("data: ".length)).error, said);
  });
});

Deno.test("a request whose time is up behind an early head is told of it", async () => {
  await withSlow(async (slow) => {
    const answer = await askEarly(slow, "/v1/chat/completions");
    await slow.clock.advance(EARLY_MS);
    const event = (await answer.text()).replaceAll(PING, "");
    const { error } = JSON.parse(event.slice("data: ".length));
    assertEquals([error.type, error.code], ["GatewayTimeoutError", 504]);
    await eventually(() => slow.engine.asked[0]?.signal.aborted === true, () => "the engine's end");
    await eventually(
      () => Object.values(slow.router.app.stats()).every((left) => left === 0),
      () => JSON.stringify(slow.router.app.stats()),
    );
  }, { answers: ANSWERS, requests: { timeoutMs: 2 * EARLY_MS } });
});

Deno.test("a stream whose prompt is slow to become token ids begins early too", async () => {
  const clock = new TurningClock();
  const { script, open } = gate();
  await using prefill = startScripted(script);
  await using decode = startScripted(() => Response.json({}));
  const nixl = { host: "127.0.0.1", initPorts: [7300], allocPorts: [7400], modes: ["p1"] } as const;
  await using router = await startRouter([
    engineAt(prefill.url, "prefill"),
    engineAt(decode.url, "decode", { nixl }),
  ], { answers: ANSWERS, clock });
  const ask = { model: "m", prompt: "hi", max_tokens: 3, stream: true };
  const answering = post(`${router.url}/v1/completions`, ask);
  await eventually(() => prefill.asked.length === 1);
  assertEquals(prefill.asked[0]?.path, "/tokenize");
  await clock.advance(EARLY_MS);
  const answer = await answering;
  assertEquals(answer.status, 200);
  open(new Response("broken", { status: 500 }));
  assertStringIncludes(await answer.text(), '"code":502');
});

Deno.test("a list of prompts begins early as one", async () => {
  await withSlowPrefill(async ({ router, prefill }, clock, [first, second]) => {
    const ask = { model: "m", prompt: ["hi", "ho"], max_tokens: 3, stream: true };
    const answering = post(`${router.url}/v1/completions`, ask);
    await eventually(() =>
      prefill.asked.filter(({ path }) => path === "/v1/completions").length === 2
    );
    await clock.advance(EARLY_MS);
    const answer = await answering;
    assertEquals(answer.status, 200);
    first?.open(prefilled());
    second?.open(prefilled());
    const text = await answer.text();
    assert(text.startsWith(PING) && text.endsWith(data("[DONE]")), text);
    assertEquals(text.split('" three"').length, 3);
  });
});

Deno.test("OpenAI SDK: an early head changes nothing but the way errors come", async () => {
  await withSlow(async (slow) => {
    const client = new OpenAI({ baseURL: `${slow.router.url}/v1`, apiKey: "any", maxRetries: 0 });
    const asking = client.chat.completions.create({ ...CHAT, stream: true });
    await eventually(() => slow.engine.asked.length === 1);
    await slow.clock.advance(EARLY_MS);
    const stream = await asking;
    const chunk = { id: "c", choices: [{ index: 0, delta: { content: "hi" } }] };
    slow.open(sse([data(chunk), data("[DONE]")]));
    const texts: unknown[] = [];
    for await (const { choices } of stream) texts.push(choices[0]?.delta.content);
    assertEquals(texts, ["hi"]);
  });
  await withSlow(async (slow) => {
    const client = new OpenAI({ baseURL: `${slow.router.url}/v1`, apiKey: "any", maxRetries: 0 });
    const asking = client.chat.completions.create({ ...CHAT, stream: true });
    await eventually(() => slow.engine.asked.length === 1);
    await slow.clock.advance(EARLY_MS);
    const stream = await asking;
    slow.open(Response.json(REFUSAL, { status: 400 }));
    const error = await assertRejects(async () => {
      for await (const _ of stream) { /* It fails. */ }
    }, OpenAI.APIError);
    assertEquals([String(error.code), error.message], ["400", "too long"]);
  });
});

Deno.test("Anthropic SDK: an error behind an early head has its type and status", async () => {
  await withSlow(async (slow) => {
    const client = new Anthropic({ baseURL: slow.router.url, apiKey: "any", maxRetries: 0 });
    const asking = client.messages.create({ ...CHAT, max_tokens: 5, stream: true });
    await eventually(() => slow.engine.asked.length === 1);
    await slow.clock.advance(EARLY_MS);
    const stream = await asking;
    slow.open(Response.json({ type: "error", error: { type: "BadRequestError", message: "no" } }, {
      status: 400,
    }));
    const error = await assertRejects(async () => {
      for await (const _ of stream) { /* It fails. */ }
    }, Anthropic.APIError);
    assertEquals([error.type, error.apiMessage], ["invalid_request_error", "no"]);
    assertStringIncludes(JSON.stringify(error.error), '"code":400');
  });
});

Deno.test("silences between a stream's events are commented too", async () => {
  await withSlow(async ({ router, engine, clock, open }) => {
    const answering = post(`${router.url}/v1/chat/completions`, { ...CHAT, stream: true });
    await eventually(() => engine.asked.length > 0);
    const stream = new TransformStream<Uint8Array, Uint8Array>();
    const writer = stream.writable.getWriter();
    const write = (text: string): Promise<void> => writer.write(new TextEncoder().encode(text));
    open(new Response(stream.readable, { headers: { "content-type": "text/event-stream" } }));
    await write(data({ a: 1 }));
    const reader = (await answering).body?.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await reader?.read())?.value, data({ a: 1 }));
    for (let round = 0; round < 3; round++) {
      const reading = reader?.read();
      let come = false;
      reading?.then(() => come = true);
      await eventually(async () => {
        await clock.advance(1_000);
        return come;
      });
      assertEquals((await reading)?.value, PING);
    }
    await write(data({ a: 2 }));
    await writer.close();
    assertEquals((await reader?.read())?.value, data({ a: 2 }));
    assertEquals((await reader?.read())?.done, true);
  });
});
