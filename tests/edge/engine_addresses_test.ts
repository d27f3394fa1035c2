import { createLogger, systemClock } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import {
  engineAt,
  post,
  type RouterChanges,
  startRouter,
  type TestEngine,
  type TestRouter,
} from "../support/router.ts";
import { type Script, startScripted } from "../support/scripted_engine.ts";
import { data, event, withPair } from "../support/scripted_pair.ts";

const HIDDEN = { exposeEngines: false, allowedOrigins: [], rankLeg: "decode" } as const;
const EVENTS = { headers: { "content-type": "text/event-stream" } };
const ASK = { model: "m", prompt: "hi", max_tokens: 5 };

/** Nothing listens there. */
const NOWHERE = "http://127.0.0.1:9";

interface Hidden {
  readonly router: TestRouter;
  readonly lines: readonly string[];
}

async function withHidden(
  engines: readonly TestEngine[],
  changes: RouterChanges,
  run: (hidden: Hidden) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  const log_ = createLogger(systemClock(), (line) => lines.push(line), {
    level: "info",
    format: "text",
  });
  await using router = await startRouter(engines, { answers: HIDDEN, log_, ...changes });
  await run({ router, lines });
}

function assertHidden(text: string, name = "engine-"): void {
  assert(!/127\.0\.0\.1|localhost/.test(text), text);
  assertStringIncludes(text, name);
}

/** Engines that fail, each in its way, and what the answer says besides the name. */
const FAILING: readonly (readonly [name: string, script: Script, stream: boolean, says: string])[] =
  [
    ["is silent", () => new Promise<Response>(() => {}), false, "sent no response head"],
    ["is silent in a stream", () => new Response(hanging("data: {}\n\n"), EVENTS), true, "sent no"],
    ["breaks off", () => new Response(broken("data: {}\n\n"), EVENTS), true, "body cut"],
  ];

function hanging(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
  });
}

function broken(text: string): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new Error("the engine dies"));
      else controller.enqueue(new TextEncoder().encode(text));
      sent = true;
    },
  });
}

for (const [name, script, stream, says] of FAILING) {
  Deno.test(`an engine that ${name} is told of without its address, and logged with it`, async () => {
    const ended = new AbortController();
    await using engine = startScripted((request) => {
      const answer = script(request);
      return answer instanceof Promise ? Promise.race([answer, aborted(ended.signal)]) : answer;
    });
    await withHidden([engineAt(engine.url, "any")], {
      timeouts: { firstByteMs: 50, wholeAnswerMs: 50, streamIdleMs: 50 },
    }, async ({ router, lines }) => {
      for (const path of ["/v1/completions", "/v1/messages"]) {
        const text = await (await post(router.url + path, { ...ASK, stream })).text();
        assertHidden(text, "engine-1");
        assertStringIncludes(text, says);
      }
      await eventually(() => lines.some((line) => line.includes("Request failed")));
      const failed = lines.find((line) => line.includes("Request failed")) ?? "";
      assertStringIncludes(failed, engine.url);
      assert(lines.some((line) => line.includes(`name=engine-1 url=${engine.url}`)));
    });
    ended.abort();
  });
}

function aborted(signal: AbortSignal): Promise<Response> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(new Response("late")), { once: true });
  });
}

Deno.test("engines that nobody reaches are told of without their addresses", async () => {
  const unreachable = engineAt(NOWHERE, "any", { models: ["m"] });
  const silent = engineAt("http://127.0.0.1:1", "any");
  await withHidden([unreachable, silent], {}, async ({ router }) => {
    assertHidden(await (await post(`${router.url}/v1/embeddings`, ASK)).text());
    const other = await post(`${router.url}/v1/embeddings`, { ...ASK, model: "x" });
    assertEquals(other.status, 503);
    assertHidden(await other.text(), "not heard from yet: engine-2");
  });
});

Deno.test("a handoff's failures are told without addresses, in every way they are told", async () => {
  await withPair({
    decode: () => new Response(broken(event(" two")), EVENTS),
    router: { answers: HIDDEN },
  }, async ({ router }) => {
    const url = `${router.url}/v1/completions`;
    // Behind the first token, in a list of prompts, and as a status.
    const streamed = await (await post(url, { ...ASK, stream: true })).text();
    assertStringIncludes(streamed, " one");
    assertHidden(streamed);
    const listed = await (await post(url, { ...ASK, prompt: ["a", "b"], stream: true })).text();
    assertHidden(listed);
    const whole = await post(url, ASK);
    assertEquals(whole.status, 502);
    assertHidden(await whole.text());
  });
});

Deno.test("a prefill that fails is told without the address", async () => {
  await withPair({
    decode: () => new Response(data("[DONE]"), EVENTS),
    prefill: { respond: () => new Response("broken", { status: 500 }) },
    router: { answers: HIDDEN },
  }, async ({ router }) => {
    const answer = await post(`${router.url}/v1/completions`, { ...ASK, stream: true });
    assertEquals(answer.status, 502);
    assertHidden(await answer.text());
  });
});

Deno.test("/engines tells addresses only where they are to be told; both names pick an engine", async () => {
  await using one = startScripted(() => Response.json({ engine: 1 }));
  await using other = startScripted(() => Response.json({ engine: 2 }));
  const engines = [engineAt(one.url, "any"), engineAt(other.url, "any")];
  await withHidden(engines, {}, async ({ router }) => {
    const text = await (await fetch(`${router.url}/engines`)).text();
    assertHidden(text);
    const listed: Record<string, unknown>[] = JSON.parse(text);
    for (const item of listed) {
      assertEquals(Object.keys(item), [
        "engine_id",
        "serving_models",
        "created",
        "role",
        "inflight",
        "room",
        "state",
      ]);
    }
    const answers: unknown[] = [];
    for (const id of [...listed.map((item) => item["engine_id"]), new URL(other.url).host]) {
      const answer = await post(`${router.url}/v1/embeddings?id=${id}`, ASK);
      answers.push((await answer.json()).engine);
    }
    assertEquals(new Set(answers.slice(0, 2)), new Set([1, 2]));
    assertEquals(answers[2], 2);
    const none = await post(`${router.url}/v1/embeddings?id=engine-3`, ASK);
    assertEquals([none.status, (await none.json()).error.code], [404, 404]);
  });
  await using exposed = await startRouter(engines);
  const [first] = await (await fetch(`${exposed.url}/engines`)).json();
  assertEquals([first.engine_id, first.url].map(String), [new URL(first.url).host, first.url]);
});
