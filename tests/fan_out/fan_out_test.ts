import {
  createLogger,
  decodeUtf8,
  encodeUtf8,
  RouterError,
  seededRandom,
  silentLogger,
} from "../../lib/base/mod.ts";
import { type GenerationRequest, readGeneration } from "../../lib/disagg/mod.ts";
import { type AnswerOne, fanOut } from "../../lib/fan_out/fan_out.ts";
import {
  type Answer,
  Background,
  type ByteSource,
  type RequestContext,
  RequestTrace,
} from "../../lib/request/mod.ts";
import { parseRequest } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { randomCuts } from "../support/cuts.ts";
import { FakeBody } from "../support/fake_body.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";

/** One prompt as it was asked for. */
interface Asked {
  readonly context: RequestContext;
  readonly request: GenerationRequest;
  readonly prompt: unknown;
}

interface Fixture {
  readonly controller: AbortController;
  readonly context: RequestContext;
  readonly asked: Asked[];
  readonly background: Background;
  readonly run: (
    asked: Record<string, unknown>,
    answer: (at: number, one: Asked) => Answer | Promise<Answer>,
  ) => Promise<Answer>;
}

function fixture(): Fixture {
  const clock = new FakeClock();
  const controller = new AbortController();
  const background = new Background(silentLogger());
  const context: RequestContext = {
    id: "r",
    sessionId: undefined,
    signal: controller.signal,
    headers: [["authorization", "a"], ["x-request-id", "r"]],
    trace: new RequestTrace(clock),
  };
  const asked: Asked[] = [];
  return {
    controller,
    context,
    asked,
    background,
    run: (body, answer) => {
      const text = JSON.stringify({ model: "m", max_tokens: 3, ...body });
      const request = readGeneration("completions", parseRequest(encodeUtf8(text)));
      const one: AnswerOne = async (single, request) => {
        const asking = { context: single, request, prompt: request.body.value("prompt") };
        asked.push(asking);
        return await answer(asked.length - 1, asking);
      };
      return fanOut({ clock, log: silentLogger(), background }, context, request, one);
    },
  };
}

function wholeAnswer(text: string, more: Partial<Answer> = {}): Answer {
  const value = {
    id: "cmpl-x",
    object: "text_completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
    usage: {
      prompt_tokens: 5,
      completion_tokens: 2,
      total_tokens: 7,
      prompt_tokens_details: { cached_tokens: 4 },
    },
  };
  const headers = [["content-type", "application/json"], ["x-engine", text]] as const;
  return { status: 200, headers, body: encodeUtf8(JSON.stringify(value)), ...more };
}

function streamAnswer(body: Answer["body"]): Answer {
  return { status: 200, headers: [["content-type", "text/event-stream"]], body };
}

function fullStream(text: string): string[] {
  const last = event("!", { finish_reason: "stop" });
  return [event(text), last, usageEvent(5, 2), data("[DONE]")];
}

const REFUSED: Answer = {
  status: 400,
  headers: [["content-type", "application/json"]],
  body: encodeUtf8('{"error":{"message":"too odd","type":"t","param":"prompt","code":400}}'),
};

async function textOf({ body }: Answer): Promise<string> {
  if (body instanceof Uint8Array) return decodeUtf8(body);
  let text = "";
  for (let bytes = await body.read(); bytes !== undefined; bytes = await body.read()) {
    text += decodeUtf8(bytes);
  }
  return text;
}

// deno-lint-ignore no-explicit-any
type Json = any;

/** A stream's events, parsed; `[DONE]` stays text. */
function eventsOf(text: string): Json[] {
  return text.split("\n\n").filter((part) => part !== "").map((part) => {
    const value = part.slice("data: ".length);
    return value === "[DONE]" ? value : JSON.parse(value);
  });
}

function sourceOf(answer: Answer): ByteSource {
  assert(!(answer.body instanceof Uint8Array), "a stream");
  return answer.body;
}

Deno.test("fanOut() asks for each prompt by itself, all else as it is", async () => {
  const { run, asked, context } = fixture();
  await run({ prompt: ["a", "b"], n: 2, seed: 7, x: { y: 1 } }, () => wholeAnswer("t"));
  assertEquals(asked.map(({ request }) => JSON.parse(decodeUtf8(request.body.bytes))), [
    { model: "m", max_tokens: 3, n: 2, seed: 7, x: { y: 1 }, prompt: "a" },
    { model: "m", max_tokens: 3, n: 2, seed: 7, x: { y: 1 }, prompt: "b" },
  ]);
  assertEquals(asked.map((one) => [one.context.id, one.context.headers]), [
    ["r-0", [["authorization", "a"], ["x-request-id", "r-0"]]],
    ["r-1", [["authorization", "a"], ["x-request-id", "r-1"]]],
  ]);
  assertEquals(context.trace.route, "fan_out");
});

Deno.test("fanOut() makes one whole answer, in the prompts' order", async () => {
  const { run, context } = fixture();
  const held = Promise.withResolvers<void>();
  const answer = await run({ prompt: [[1], [2, 3], [4]] }, async (at, { context, prompt }) => {
    context.trace.add("direct-sent", `e${at}`);
    // The first is answered last.
    if (at === 0) await held.promise;
    if (at === 2) held.resolve();
    return wholeAnswer(JSON.stringify(prompt));
  });
  assertEquals(answer.status, 200);
  assertEquals(answer.headers, [["content-type", "application/json"], ["x-engine", "[1]"]]);
  const body = JSON.parse(await textOf(answer));
  assertEquals([body.id, body.created, body.model], ["cmpl-r", 1_700_000_000, "m"]);
  assertEquals(
    body.choices.map((choice: Json) => [choice.index, choice.text]),
    [[0, "[1]"], [1, "[2,3]"], [2, "[4]"]],
  );
  assertEquals(body.usage, {
    prompt_tokens: 15,
    completion_tokens: 6,
    total_tokens: 21,
    prompt_tokens_details: { cached_tokens: 12 },
  });
  assertEquals(context.trace.events.map(({ engine }) => engine).sort(), ["e0", "e1", "e2"]);
});

Deno.test("fanOut() reads whole answers that come in pieces", async () => {
  const { run } = fixture();
  const answer = await run({ prompt: ["a", "b"] }, (at) => {
    const { body, ...rest } = wholeAnswer(`t${at}`);
    const source = new FakeBody();
    source.sendBytes(randomCuts(body as Uint8Array, seededRandom(at)));
    source.end();
    return { ...rest, body: source };
  });
  const { choices } = JSON.parse(await textOf(answer));
  assertEquals(choices.map(({ text }: Json) => text), ["t0", "t1"]);
});

Deno.test("fanOut() has 8 prompts under way at most, begun in order", async () => {
  for (const stream of [false, true]) {
    const { run, asked } = fixture();
    let now = 0;
    let most = 0;
    const prompts = Array.from({ length: 30 }, (_, at) => [at]);
    const answer = await run({ prompt: prompts, stream }, async (at) => {
      most = Math.max(most, ++now);
      for (let turn = 0; turn < at % 7; turn++) await settle();
      if (!stream) {
        now--;
        return wholeAnswer("t");
      }
      const body = new FakeBody(fullStream(`t${at}`));
      const read = body.read.bind(body);
      body.read = async () => {
        const bytes = await read();
        if (bytes === undefined) now--;
        return bytes;
      };
      return streamAnswer(body);
    });
    const text = await textOf(answer);
    assertEquals(asked.map(({ prompt }) => prompt), prompts);
    assertEquals([most, now], [8, 0], `stream ${stream}`);
    const choices = stream
      ? eventsOf(text).slice(0, -1).flatMap((chunk) => chunk.choices)
      : JSON.parse(text).choices;
    assertEquals(new Set(choices.map(({ index }: Json) => index)).size, 30);
  }
});

Deno.test("fanOut() streams all prompts under one id, with one usage and one [DONE]", async () => {
  for (const includeUsage of [true, false]) {
    const { run } = fixture();
    const answer = await run({
      prompt: ["a", "b", "c"],
      stream: true,
      ...(includeUsage ? { stream_options: { include_usage: true } } : {}),
    }, (at) => {
      const events = fullStream(`t${at}`);
      if (!includeUsage) events.splice(2, 1);
      const body = new FakeBody();
      body.sendBytes(randomCuts(encodeUtf8(events.join("")), seededRandom(at)));
      body.end();
      return streamAnswer(at === 2 ? encodeUtf8(events.join("")) : body);
    });
    assertEquals(answer.headers, [
      ["content-type", "text/event-stream; charset=utf-8"],
      ["cache-control", "no-cache"],
    ]);
    const events = eventsOf(await textOf(answer));
    assertEquals(events.pop(), "[DONE]");
    const last = includeUsage ? events.pop() : undefined;
    if (includeUsage) {
      assertEquals([last.id, last.choices, last.model], ["cmpl-r", [], "m"]);
      assertEquals(last.usage, { prompt_tokens: 15, completion_tokens: 6, total_tokens: 21 });
    }
    assert(events.every((chunk) => chunk.id === "cmpl-r" && chunk.created === 1_700_000_000));
    assert(events.every((chunk) => !("usage" in chunk)));
    for (const index of [0, 1, 2]) {
      const own = events.flatMap(({ choices }) => choices).filter((one) => one.index === index);
      assertEquals(own.map(({ text, finish_reason }) => [text, finish_reason]), [
        [`t${index}`, null],
        ["!", "stop"],
      ]);
    }
    assertEquals(sourceOf(answer).failure, undefined);
    assertEquals(await sourceOf(answer).read(), undefined);
  }
});

Deno.test("fanOut() gives events out as they come, whichever prompt's they are", async () => {
  const { run } = fixture();
  const bodies = [new FakeBody(), new FakeBody()];
  const answer = await run(
    { prompt: ["a", "b"], stream: true },
    (at) => streamAnswer(bodies[at] ?? new FakeBody()),
  );
  const source = sourceOf(answer);
  for (const at of [1, 1, 0, 1, 0]) {
    const reading = source.read();
    await settle();
    bodies[at]?.send(event(`t${at}`));
    const [got] = eventsOf(decodeUtf8(await reading ?? new Uint8Array(0)));
    assertEquals([got.choices[0].index, got.choices[0].text], [at, `t${at}`]);
  }
  source.cancel();
});

Deno.test("fanOut() reads each prompt at most once ahead of the client", async () => {
  const { run } = fixture();
  const bodies = [new FakeBody(), new FakeBody()];
  for (const body of bodies) body.send(...Array.from({ length: 50 }, () => event("t")));
  const answer = await run(
    { prompt: ["a", "b"], stream: true },
    (at) => streamAnswer(bodies[at] ?? new FakeBody()),
  );
  await settle();
  assertEquals(bodies.map(({ reads }) => reads), [0, 0]);
  let events = 0;
  for (let round = 1; round <= 5; round++) {
    const bytes = await sourceOf(answer).read();
    events += eventsOf(decodeUtf8(bytes ?? new Uint8Array(0))).length;
    await settle();
    for (const { reads } of bodies) assert(reads <= round, `${reads} reads after ${round}`);
  }
  assert(events >= 5 && events <= 10, `${events} events`);
  sourceOf(answer).cancel();
  assert(bodies.every(({ cancelled }) => cancelled));
});

for (const stream of [false, true]) {
  Deno.test(`fanOut() answers with the first refusal, and leaves the others, stream ${stream}`, async () => {
    const { run, asked, background } = fixture();
    const late = Promise.withResolvers<Answer>();
    const body = new FakeBody();
    const prompts = Array.from({ length: 12 }, (_, at) => [at]);
    const answer = await run({ prompt: prompts, stream }, async (at) => {
      if (at === 3) return REFUSED;
      if (at === 5) return await late.promise;
      if (at === 6) return streamAnswer(body);
      return await new Promise<Answer>((_, reject) => {
        asked[at]?.context.signal.addEventListener("abort", () => {
          reject(new RouterError("client-gone", "gone"));
        });
      });
    });
    assertEquals([answer.status, await textOf(answer)], [400, await textOf(REFUSED)]);
    assertEquals(asked.length, 8, "no further prompt is begun");
    assert(asked.every(({ context }) => context.signal.aborted));
    const afterwards = new FakeBody();
    late.resolve(streamAnswer(afterwards));
    afterwards.end();
    if (!stream) body.end();
    await background.idle();
    if (stream) assert(body.cancelled && afterwards.cancelled, "late answers are given back");
  });

  Deno.test(`fanOut() throws the first prompt's error, stream ${stream}`, async () => {
    const { run, background } = fixture();
    const error = new RouterError("kv-timeout", "too late");
    const rejection = await assertRejects(
      () => run({ prompt: ["a", "b"], stream }, () => Promise.reject(error)),
      RouterError,
      "too late",
    );
    assertEquals(rejection.code, "kv-timeout");
    await background.idle();
  });

  Deno.test(`fanOut() ends when the client goes while prompts begin, stream ${stream}`, async () => {
    const { run, asked, controller, background } = fixture();
    const running = run(
      { prompt: ["a", "b"], stream },
      (_at, { context }) =>
        new Promise((_, reject) => {
          context.signal.addEventListener("abort", () => {
            reject(new RouterError("client-gone", "gone"));
          });
        }),
    );
    await settle();
    controller.abort();
    assertEquals((await assertRejects(() => running, RouterError)).code, "client-gone");
    assertEquals(asked.length, 2);
    await background.idle();
  });
}

Deno.test("fanOut() asks for nothing when the client has gone already", async () => {
  for (const stream of [false, true]) {
    const { run, asked, controller } = fixture();
    controller.abort();
    const running = run({ prompt: ["a", "b"], stream }, () => wholeAnswer("t"));
    assertEquals((await assertRejects(() => running, RouterError)).code, "client-gone");
    assertEquals(asked.length, 0);
  }
});

Deno.test("fanOut() gives no answer with holes when the client goes between two prompts", async () => {
  const { run, asked, controller } = fixture();
  const prompts = Array.from({ length: 12 }, (_, at) => [at]);
  const running = run({ prompt: prompts }, async (at) => {
    if (at === 7) controller.abort();
    await settle();
    return wholeAnswer("t");
  });
  assertEquals((await assertRejects(() => running, RouterError)).code, "client-gone");
  assertEquals(asked.length, 8);
});

Deno.test("fanOut() refuses a body that is no answer", async () => {
  const { run } = fixture();
  const error = await assertRejects(
    () => run({ prompt: ["a", "b"] }, () => wholeAnswer("t", { body: encodeUtf8("[]") })),
    RouterError,
    "not a JSON object",
  );
  assertEquals(error.code, "upstream-protocol");
});

/** Streams of which the second ends as `second` says, after the first has begun. */
async function brokenStream(
  second: (body: FakeBody) => void,
): Promise<{ readonly events: Json[]; readonly first: FakeBody; readonly source: ByteSource }> {
  const { run, background } = fixture();
  const bodies = [new FakeBody(), new FakeBody()];
  const answer = await run(
    { prompt: ["a", "b"], stream: true, stream_options: { include_usage: true } },
    (at) => streamAnswer(bodies[at] ?? new FakeBody()),
  );
  const [first = new FakeBody(), other = new FakeBody()] = bodies;
  first.send(event("t"));
  second(other);
  const text = await textOf(answer);
  await background.idle();
  return { events: eventsOf(text), first, source: sourceOf(answer) };
}

const BREAKS: readonly (readonly [
  name: string,
  second: (body: FakeBody) => void,
  message: string,
])[] = [
  [
    "an error event",
    (body) => body.send(event("t"), data({ error: { message: "boom" } }), data("[DONE]")),
    "boom",
  ],
  ["a broken connection", (body) => body.break(new RouterError("decode-failed", "cut")), "cut"],
  ["an end without [DONE]", (body) => {
    body.send(event("t"));
    body.end();
  }, "without [DONE]"],
  ["an event that is none", (body) => body.send(data("{]")), "an event that is none"],
];

for (const [name, second, message] of BREAKS) {
  Deno.test(`fanOut() ends the stream with one error event and no [DONE] after ${name}`, async () => {
    const { events, first, source } = await brokenStream(second);
    const last = events.pop();
    assertStringIncludes(last.error.message, message);
    assert(events.every((chunk) => chunk.choices !== undefined), "nothing but chunks before");
    assert(first.cancelled, "the other prompt is left");
    assertStringIncludes(source.failure?.message ?? "", message);
  });
}

for (
  const [name, ninth, message] of [
    ["is refused", () => REFUSED, "too odd"],
    ["is refused without JSON", () => ({ ...REFUSED, body: encodeUtf8("oh") }), "answered 400"],
    ["fails", () => {
      throw new RouterError("prefill-failed", "no prefill");
    }, "no prefill"],
  ] as const
) {
  Deno.test(`fanOut() tells in the stream that a prompt begun later ${name}`, async () => {
    const { run } = fixture();
    const answer = await run(
      { prompt: Array.from({ length: 9 }, (_, at) => [at]), stream: true },
      (at) => at === 8 ? ninth() : streamAnswer(new FakeBody(fullStream("t"))),
    );
    assertEquals(answer.status, 200);
    const events = eventsOf(await textOf(answer));
    assertStringIncludes(events.at(-1).error.message, message);
    assertEquals(events.filter((one) => one === "[DONE]" || one.error !== undefined).length, 1);
  });
}

Deno.test("fanOut() gives everything back when the client goes", async () => {
  for (const by of ["signal", "cancel"] as const) {
    const { run, asked, controller, background } = fixture();
    const bodies = Array.from({ length: 8 }, () => new FakeBody());
    const late = Promise.withResolvers<Answer>();
    const answer = await run(
      { prompt: Array.from({ length: 20 }, (_, at) => [at]), stream: true },
      (at) => at === 8 ? late.promise : streamAnswer(bodies[at] ?? new FakeBody()),
    );
    bodies[0]?.send(...fullStream("t"));
    bodies[0]?.end();
    const source = sourceOf(answer);
    await source.read();
    await source.read();
    const pending = source.read();
    await settle();
    assertEquals(asked.length, 9, "the first has ended, the ninth is begun");
    if (by === "signal") controller.abort();
    else source.cancel();
    assertEquals(await pending, undefined);
    assertEquals(await source.read(), undefined);
    assert(bodies.slice(1).every(({ cancelled }) => cancelled), by);
    assert(asked.every(({ context }) => context.signal.aborted), by);
    const body = new FakeBody();
    late.resolve(streamAnswer(body));
    await background.idle();
    assert(body.cancelled, "an answer that comes too late is given back");
    assertEquals(asked.length, 9);
  }
});

Deno.test("fanOut() leaves no listener on the client's signal behind", async () => {
  for (const stream of [false, true]) {
    const { run, asked, controller } = fixture();
    const answer = await run(
      { prompt: ["a", "b"], stream },
      () => stream ? streamAnswer(new FakeBody(fullStream("t"))) : wholeAnswer("t"),
    );
    await textOf(answer);
    controller.abort();
    assert(asked.every(({ context }) => !context.signal.aborted), "nobody was told");
  }
});

Deno.test("fanOut() says in the log what failed after the list had ended", async () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log = createLogger(clock, (line) => lines.push(line), { level: "debug", format: "text" });
  const background = new Background(log);
  const { context } = fixture();
  const text = JSON.stringify({ model: "m", prompt: ["a", "b"], stream: true });
  const request = readGeneration("completions", parseRequest(encodeUtf8(text)));
  const late = Promise.withResolvers<Answer>();
  const answers = [Promise.resolve(REFUSED), late.promise];
  const one: AnswerOne = () => answers.shift() ?? Promise.resolve(REFUSED);
  assertEquals((await fanOut({ clock, log, background }, context, request, one)).status, 400);
  late.reject(new RouterError("prefill-failed", "later on"));
  await background.idle();
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0] ?? "", "request=r prompts=2");
  assertStringIncludes(lines[1] ?? "", "later on");
});

Deno.test("fanOut() begins a stream without those that wait for room, whoever of the list has it", async () => {
  const { run } = fixture();
  const late: PromiseWithResolvers<Answer>[] = [];
  const answering = run({ prompt: ["a", "b", "c"], stream: true }, (at, { context }) => {
    // The second has a seat, and the others wait for it.
    if (at === 1) return streamAnswer(new FakeBody(fullStream("b")));
    context.onQueued?.();
    const answer = Promise.withResolvers<Answer>();
    late.push(answer);
    return answer.promise;
  });
  const answer = await answering;
  assertEquals([answer.status, late.length], [200, 2]);
  const reading = textOf(answer);
  await settle();
  late[0]?.resolve(streamAnswer(new FakeBody(fullStream("a"))));
  late[1]?.resolve(streamAnswer(new FakeBody(fullStream("c"))));
  const text = await reading;
  for (const piece of ["a", "b", "c"]) assertStringIncludes(text, `"text":"${piece}"`);
  assert(text.endsWith("data: [DONE]\n\n"));
});

Deno.test("fanOut() waits for an answer while all of a list wait for room, and is refused as they are", async () => {
  const { run, background } = fixture();
  const late: PromiseWithResolvers<Answer>[] = [];
  const answering = run({ prompt: ["a", "b"], stream: true }, (_at, { context }) => {
    context.onQueued?.();
    const answer = Promise.withResolvers<Answer>();
    late.push(answer);
    return answer.promise;
  });
  let ended = false;
  const refused = assertRejects(() => answering, RouterError, "No room").then(() => ended = true);
  await settle();
  assertEquals(ended, false);
  late[1]?.reject(new RouterError("overloaded", "No room"));
  await refused;
  late[0]?.reject(new RouterError("client-gone", "Gone"));
  await background.idle();
});
