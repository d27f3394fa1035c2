import { createLogger } from "../../lib/base/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { post } from "../support/router.ts";
import {
  data,
  event,
  type PairScript,
  PROMPT_IDS,
  type ScriptedPair,
  sse,
  usageEvent,
  withPair,
} from "../support/scripted_pair.ts";

const REST = [
  event(" two"),
  event(" three", { finish_reason: "length" }),
  usageEvent(4, 2),
  data("[DONE]"),
];

/** The data of a stream's events, parsed; `[DONE]` stays text. */
function eventsOf(text: string): unknown[] {
  return text.split("\n\n").filter((part) => part !== "").map((part) => {
    const value = part.slice("data: ".length);
    return value === "[DONE]" ? value : JSON.parse(value);
  });
}

const CHAT = { model: "m", messages: [{ role: "user", content: "hi" }], max_tokens: 3 };
const COMPLETION = { model: "m", prompt: "hi", max_tokens: 3 };

Deno.test("P1 builds both legs and one completion of them", async () => {
  await withPair({ decode: () => sse(REST) }, async ({ router, prefill, decodeLegs, drains }) => {
    const asked = { ...COMPLETION, temperature: 0.5, min_tokens: 2, x_unknown: [1] };
    const answer = await post(`${router.url}/v1/completions`, asked, {
      headers: { "x-request-id": "abc" },
    });
    assertEquals(answer.headers.get("content-type"), "application/json");
    const body = await answer.json();
    assertEquals([body.id, body.object, body.model], ["cmpl-abc", "text_completion", "m"]);
    assertEquals(body.choices, [{
      text: " one two three",
      index: 0,
      logprobs: null,
      finish_reason: "length",
      stop_reason: null,
    }]);
    assertEquals(body.usage, {
      prompt_tokens: 3,
      completion_tokens: 3,
      total_tokens: 6,
      prompt_tokens_details: { cached_tokens: 2 },
    });
    const leg = JSON.parse(prefill.asked.at(-1)?.text ?? "");
    const { req_id: kvId, ...spec } = leg.kv_transfer_params.disagg_spec;
    assertEquals(leg, {
      model: "m",
      prompt: PROMPT_IDS,
      max_tokens: 1,
      min_tokens: 1,
      stream: false,
      temperature: 0.5,
      x_unknown: [1],
      kv_transfer_params: leg.kv_transfer_params,
    });
    assertEquals(leg.kv_transfer_params.ret_first_tok, true);
    assertEquals(spec, {
      receiver_host: "127.0.0.1",
      receiver_init_port: [7300],
      receiver_alloc_port: [7400],
    });
    assert(/^[0-9a-f]{8}-/.test(kvId));
    assertEquals(decodeLegs(), [{
      model: "m",
      prompt: [...PROMPT_IDS, 91],
      max_tokens: 2,
      min_tokens: 1,
      stream: true,
      stream_options: { include_usage: true },
      temperature: 0.5,
      x_unknown: [1],
      kv_transfer_params: { "lmcache.tag.pd_router": kvId },
    }]);
    assertEquals(leg.kv_transfer_params["lmcache.tag.pd_router"], kvId);
    assertEquals(drains(), []);
  });
});

Deno.test("P1 streams chat: the role first, one id, usage when asked, [DONE] once", async () => {
  const script: PairScript = {
    prefill: { headers: { "x-from-engine": "p" } },
    decode: () => sse(REST),
  };
  await withPair(script, async ({ router }) => {
    for (const usage of [false, true]) {
      const answer = await post(`${router.url}/v1/chat/completions`, {
        ...CHAT,
        stream: true,
        ...(usage ? { stream_options: { include_usage: true } } : {}),
      });
      assertStringIncludes(answer.headers.get("content-type") ?? "", "text/event-stream");
      assertEquals(answer.headers.get("x-from-engine"), "p");
      const id = `chatcmpl-${answer.headers.get("x-request-id")}`;
      // deno-lint-ignore no-explicit-any
      const events = eventsOf(await answer.text()) as any[];
      assertEquals(events.pop(), "[DONE]");
      assert(events.every((chunk) => chunk.id === id && chunk.object === "chat.completion.chunk"));
      if (usage) {
        const last = events.pop();
        assertEquals(last.choices, []);
        assertEquals(last.usage.completion_tokens, 3);
      }
      assert(events.every((chunk) => !("usage" in chunk)));
      assertEquals(events.map((chunk) => chunk.choices[0].delta), [
        { role: "assistant", content: "" },
        { content: " one" },
        { content: " two" },
        { content: " three" },
      ]);
      assertEquals(events.map((chunk) => chunk.choices[0].finish_reason), [
        null,
        null,
        null,
        "length",
      ]);
    }
  });
});

Deno.test("P1 sends the head before the KV is ready", async () => {
  const script: PairScript = { prefill: { notifications: 0 }, decode: () => sse(REST) };
  await withPair(script, async ({ router, prefill, decode, notify }) => {
    const answer = await post(`${router.url}/v1/completions`, { ...COMPLETION, stream: true });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const head = await reader?.read();
    assertStringIncludes(head?.value ?? "", '"text":" one"');
    assertEquals(decode.asked.length, 0);
    const leg = JSON.parse(prefill.asked.at(-1)?.text ?? "");
    notify(leg.kv_transfer_params.disagg_spec.req_id);
    let rest = "";
    for (let part = await reader?.read(); !part?.done; part = await reader?.read()) {
      rest += part?.value;
    }
    assertStringIncludes(rest, " three");
    assertStringIncludes(rest, "[DONE]");
  });
});

Deno.test("P1 ends with the prefill when the first token is the last, and drains", async () => {
  const cases = [
    [{ finishReason: "stop", text: "", stopReason: null }, COMPLETION, "stop"],
    [{ finishReason: "stop", text: "x", stopReason: "xy" }, COMPLETION, "stop"],
    [{ finishReason: "length" }, { ...COMPLETION, max_tokens: 1 }, "length"],
  ] as const;
  for (const [prefill, asked, finish] of cases) {
    for (const stream of [false, true]) {
      const script: PairScript = { prefill, decode: () => Response.json({ choices: [] }) };
      await withPair(script, async ({ router, decodeLegs, drains }) => {
        const answer = await post(`${router.url}/v1/completions`, {
          ...asked,
          stream,
          ...(stream ? { stream_options: { include_usage: true } } : {}),
        });
        const text = await answer.text();
        const [chunk, usage] =
          // deno-lint-ignore no-explicit-any
          (stream ? eventsOf(text) : [JSON.parse(text), JSON.parse(text)]) as any[];
        assertEquals(chunk.choices[0].finish_reason, finish);
        assertEquals(chunk.choices[0].text, "text" in prefill ? prefill.text : " one");
        assertEquals(
          chunk.choices[0].stop_reason,
          "stopReason" in prefill ? prefill.stopReason : null,
        );
        assertEquals(usage.usage.completion_tokens, 1);
        await eventually(() => drains().length === 1, () => "one drain");
        assertEquals(drains()[0]?.["prompt"], [...PROMPT_IDS, 91]);
        assertEquals(decodeLegs(), []);
      });
    }
  }
});

Deno.test("P1 joins a character split between the engines, whatever the decode engine makes of it", async () => {
  const bytes = [...new TextEncoder().encode("世é!")].map((byte) => 1000 + byte);
  const textOf = (ids: readonly number[]): string => {
    const known = ids.filter((id) => id >= 1000).map((id) => id - 1000);
    return "p".repeat(ids.length - known.length) +
      new TextDecoder().decode(Uint8Array.from(known));
  };
  const [first = 0, ...rest] = bytes;
  const texts: readonly (readonly [string, readonly string[]])[] = [
    ["right", ["", "世", "", "é", "!"]],
    ["lost", ["", "", "", "é", "!"]],
    ["garbled", ["\ufffd", "\ufffd", "", "é", "!"]],
    ["late", ["", "", "", "世é", "!"]],
  ];
  for (const claimed of ["", "\ufffd"]) {
    for (const [name, said] of texts) {
      for (const stream of [false, true]) {
        const script: PairScript = {
          textOf,
          prefill: { text: claimed, token: first },
          decode: () =>
            sse([
              ...rest.map((id, index) =>
                event(said[index] ?? "", {
                  token_ids: [id],
                  finish_reason: index === rest.length - 1 ? "length" : null,
                })
              ),
              usageEvent(4, rest.length),
              data("[DONE]"),
            ]),
        };
        await withPair(script, async ({ router, decodeLegs }) => {
          const answer = await post(`${router.url}/v1/completions`, {
            ...COMPLETION,
            max_tokens: 6,
            stream,
          });
          const text = await answer.text();
          const joined = stream
            // deno-lint-ignore no-explicit-any
            ? (eventsOf(text).slice(0, -1) as any[]).map((chunk) => chunk.choices[0].text).join("")
            : JSON.parse(text).choices[0].text;
          assertEquals(joined, "世é!", `${name}, claimed ${JSON.stringify(claimed)}`);
          assertEquals(decodeLegs()[0]?.["return_token_ids"], true);
        });
      }
    }
  }
});

Deno.test("P1 tells a failed decode in the stream once the head is out", async () => {
  const failures: readonly (readonly [string, () => Response, string])[] = [
    ["status", () => Response.json({ error: { message: "boom" } }, { status: 500 }), "boom"],
    ["refusal", () => Response.json({ error: { message: "no" } }, { status: 400 }), "no"],
    ["error event", () => sse([event(" two"), data({ error: { message: "bad" } })]), "bad"],
    ["error finish", () => sse([event("", { finish_reason: "error" }), data("[DONE]")]), "error"],
    ["no end", () => sse([event(" two")]), "without [DONE]"],
    ["no finish", () => sse([event(" two"), data("[DONE]")]), "finish_reason"],
    ["not JSON", () => sse([event(" two"), data("{oops")]), "invalid JSON"],
  ];
  for (const [name, decode, message] of failures) {
    const script = { decode, router: { clock: new FakeClock() } };
    await withPair(script, async ({ router }) => {
      const answer = await post(`${router.url}/v1/completions`, { ...COMPLETION, stream: true });
      assertEquals(answer.status, 200);
      // deno-lint-ignore no-explicit-any
      const events = eventsOf(await answer.text()) as any[];
      assertEquals(events[0].choices[0].text, " one", name);
      assertStringIncludes(events.at(-1).error.message, message, name);
      assertEquals(events.filter((chunk) => chunk === "[DONE]").length, 0, name);
      assertEquals(events.filter((chunk) => chunk.error !== undefined).length, 1, name);
    });
  }
});

Deno.test("a drain that fails is told once, with the id of its request", async () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const log_ = createLogger(clock, (line) => lines.push(line), { level: "info", format: "text" });
  const decode = (): Response => Response.json({ error: { message: "boom" } }, { status: 500 });
  await withPair({ decode, router: { clock, log_ } }, async ({ router }) => {
    const answer = await post(`${router.url}/v1/completions`, { ...COMPLETION, stream: true }, {
      headers: { "x-request-id": "abc" },
    });
    await answer.text();
  });
  const told = lines.filter((line) => line.includes("Cannot drain KV"));
  assertEquals(told.length, 1, lines.join("\n"));
  assertStringIncludes(told[0] ?? "", "Cannot drain KV request=abc url=http://127.0.0.1:");
  assertStringIncludes(told[0] ?? "", "answered 500");
});

for (const [status, count, told] of [[500, 1, 502], [503, 0, 503]] as const) {
  Deno.test(`P1 drains ${count} times after a prefill that was answered ${status} unheard`, async () => {
    const prefill = { respond: () => Response.json({}, { status }), notifications: 0 };
    const decode = (): Response => Response.json({ choices: [] });
    let pair: ScriptedPair | undefined;
    await withPair({ prefill, decode, router: { clock: new FakeClock() } }, async (given) => {
      pair = given;
      const answer = await post(`${given.router.url}/v1/completions`, COMPLETION);
      await answer.body?.cancel();
      assertEquals(answer.status, told);
    });
    assertEquals(pair?.drains().length, count);
  });
}

/** Events that arrive in one read. */
function atOnce(...events: readonly string[]): Response {
  return new Response(events.join(""), { headers: { "content-type": "text/event-stream" } });
}

const ENGINE_ERROR = data({ error: { message: "gone", type: "InternalServerError", code: 500 } });

Deno.test("P1 sends the text that came with a decode engine's failure", async () => {
  const events = [event(" two"), event(" three"), ENGINE_ERROR, data("[DONE]")];
  await withPair({ decode: () => atOnce(...events) }, async ({ router }) => {
    const asked = { model: "m", prompt: "x", max_tokens: 9, stream: true };
    const text = await (await post(`${router.url}/v1/completions`, asked)).text();
    assertEquals(
      [...text.matchAll(/"text":"([^"]*)"/g)].map(([, said]) => said),
      [" one", " two", " three"],
    );
    assertStringIncludes(text, "gone");
    const metrics = await (await fetch(`${router.url}/metrics`)).text();
    assert(/pd_router_engine_errors_total\{[^}]*leg="decode"[^}]*\} 1\n/.test(metrics), metrics);
  });
});

for (const stream of [true, false]) {
  Deno.test(`P1 drains when the decode engine's first event is a failure, stream ${stream}`, async () => {
    const decode: PairScript["decode"] = ({ text }) =>
      JSON.parse(text).stream ? atOnce(ENGINE_ERROR, data("[DONE]")) : Response.json({});
    await withPair({ decode }, async ({ router, drains }) => {
      const asked = { model: "m", prompt: "x", max_tokens: 9, stream };
      const answer = await post(`${router.url}/v1/completions`, asked);
      assertEquals(answer.status, stream ? 200 : 502);
      assertStringIncludes(await answer.text(), "gone");
      await eventually(() => drains().length === 1, () => "one drain");
    });
  });
}

Deno.test("P1 passes a prefill engine's refusal on and never reaches the decode engine", async () => {
  const refusal = {
    error: { message: "too long", type: "BadRequestError", param: null, code: 400 },
  };
  const script: PairScript = {
    prefill: {
      notifications: 0,
      respond: () => Response.json(refusal, { status: 400, headers: { "x-why": "len" } }),
    },
    decode: () => sse(REST),
  };
  await withPair(script, async ({ router, decode }) => {
    const answer = await post(`${router.url}/v1/completions`, COMPLETION);
    assertEquals(answer.status, 400);
    assertEquals(answer.headers.get("x-why"), "len");
    assertEquals(await answer.json(), refusal);
    assertEquals(decode.asked.length, 0);
  });
});

Deno.test("P1 answers 502 naming the engine when prefill fails, and 504 when no KV comes", async () => {
  const cases: readonly (readonly [string, PairScript["prefill"] & object, number, string])[] = [
    [
      "status",
      { respond: () => new Response("boom", { status: 500 }), notifications: 0 },
      502,
      "500: boom",
    ],
    ["not JSON", { respond: () => new Response("<html>"), notifications: 0 }, 502, "JSON"],
    [
      "no token",
      {
        respond: () => Response.json({ choices: [{ finish_reason: "length", text: "a" }] }),
        notifications: 0,
      },
      502,
      "first_tok",
    ],
    ["aborted", { finishReason: "abort", notifications: 0 }, 502, "abort"],
    ["no KV", { notifications: 0 }, 504, "KV-ready"],
  ];
  for (const [name, prefill, status, message] of cases) {
    const clock = new FakeClock();
    const script: PairScript = {
      prefill,
      decode: () => Response.json({ choices: [] }),
      router: { clock, handoff: { kvReadyTimeoutMs: 50 } },
    };
    await withPair(script, async (pair) => {
      const asked = post(`${pair.router.url}/v1/completions`, COMPLETION);
      if (status === 504) {
        await eventually(() => clock.dueIn(50), () => "the wait for KV");
        await clock.advance(50);
      }
      const answer = await asked;
      assertEquals(answer.status, status, name);
      const { error } = await answer.json();
      assertStringIncludes(error.message, message, name);
      assertStringIncludes(error.message, pair.prefill.url, name);
      assertEquals(pair.decodeLegs(), [], name);
    });
  }
});

Deno.test("P1 decodes without notifications when told to", async () => {
  const clock = new FakeClock();
  const script: PairScript = {
    prefill: { notifications: 0 },
    decode: () => sse(REST),
    router: { clock, handoff: { kvReadyTimeoutMs: 20, kvTimeoutPolicy: "proceed" } },
  };
  await withPair(script, async ({ router }) => {
    const asked = post(`${router.url}/v1/completions`, COMPLETION);
    await eventually(() => clock.dueIn(20), () => "the wait for KV");
    await clock.advance(20);
    assertEquals((await (await asked).json()).choices[0].text, " one two three");
  });
});
