import { decodeUtf8, encodeUtf8, LazyAbort, RouterError } from "../../lib/base/mod.ts";
import type { Flight } from "../../lib/fleet/mod.ts";
import { type OpenDecode, openDecode, type OpenEnd, pumpDecode } from "../../lib/handoff/decode.ts";
import type { Seam } from "../../lib/handoff/event_pump.ts";
import { StopJoin } from "../../lib/handoff/stop_join.ts";
import { StreamWriter } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { CountingBreather } from "../support/counting_breather.ts";
import { allCuts } from "../support/cuts.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, FakeResponse, jsonResponse } from "../support/fake_upstream.ts";
import { data, event, usageEvent } from "../support/scripted_pair.ts";
import { DECODE, handoffParts, type Parts, PREFILL, TIMEOUTS } from "./support.ts";

const END = data("[DONE]");
const STREAM = [event(" two"), event(" three", { finish_reason: "length" }), usageEvent(4, 2), END];

/** How long what follows `[DONE]` is waited for. */
const TAIL_MS = 1_000;

/** A decode leg on its way. */
interface Leg {
  readonly parts: Parts;
  readonly flight: Flight;
  readonly abort: AbortController;
  readonly end: Promise<OpenEnd>;
}

function begin(): Leg {
  const parts = handoffParts();
  const flight = parts.fleet.take(DECODE, "decode", PREFILL);
  const abort = new LazyAbort();
  const ask = { flight, path: "/v1/completions", body: [encodeUtf8('{"prompt":[1]}')] };
  return { parts, flight, abort, end: openDecode(parts.deps, parts.context, ask, abort) };
}

async function opened(
  response: FakeResponse,
): Promise<Leg & { readonly open: OpenDecode; readonly response: FakeResponse }> {
  const leg = begin();
  leg.parts.upstream.to(DECODE.url).answer(response);
  const end = await leg.end;
  assert(end.kind === "open", `open, received ${JSON.stringify(end)}`);
  return { ...leg, open: end.open, response };
}

Deno.test("openDecode() sends the leg, and is open with its first event", async () => {
  const { parts, flight, end } = begin();
  const { request, body } = parts.upstream.to(DECODE.url);
  assertEquals([request.method, request.path, request.headers, body], [
    "POST",
    "/v1/completions",
    [["x-request-id", "r"]],
    { prompt: [1] },
  ]);
  assertEquals([request.replayable, request.headTimeoutMs], [true, TIMEOUTS.firstByteMs]);
  const response = eventResponse();
  parts.upstream.to(DECODE.url).answer(response);
  response.send(": still here\n\n");
  await settle();
  assertEquals(parts.steps(), [`decode-sent ${DECODE.url}`]);
  response.send(event(" two").slice(0, 9));
  await settle();
  response.send(event(" two").slice(9));
  const open = await end;
  assert(open.kind === "open");
  assertEquals(parts.steps(), [`decode-sent ${DECODE.url}`, `decode-first ${DECODE.url}`]);
  assertEquals(`data: ${decodeUtf8(open.open.first)}\n\n`, event(" two"));
  assertEquals(open.open.comments.map(decodeUtf8), [": still here"]);
  assert(open.open.flight === flight);
  open.close();
  flight[Symbol.dispose]();
  assertEquals([response.state, parts.fleet.ends], ["closed", ["decode left"]]);
});

Deno.test("openDecode() keeps few comments of an engine that says nothing else", async () => {
  const { parts, end } = begin();
  const response = eventResponse([": x\n\n".repeat(1000), event(" a")]);
  parts.upstream.to(DECODE.url).answer(response);
  const open = await end;
  assertEquals(open.kind === "open" && open.open.comments.length, 64);
});

const ERRORS: readonly (readonly [status: number, kind: OpenEnd["kind"]])[] = [
  [400, "refused"],
  [404, "refused"],
  [429, "refused"],
  [500, "failed"],
  [503, "failed"],
  [302, "failed"],
  [202, "failed"],
];

for (const [status, kind] of ERRORS) {
  Deno.test(`openDecode() is ${kind} by an answer with ${status}`, async () => {
    const { parts, flight, end } = begin();
    const answer = parts.upstream.to(DECODE.url)
      .answer(jsonResponse({ error: { message: "so it is" } }, status));
    const open = await end;
    assert(open.kind === kind && open.kind !== "open");
    assertEquals([open.error.code, open.error.message], [
      "decode-failed",
      `Decode on engine ${DECODE.url} answered ${status}: so it is`,
    ]);
    flight[Symbol.dispose]();
    assertEquals([answer.state, parts.fleet.ends], ["kept", ["decode failed decode-failed"]]);
    parts.assertQuiet();
  });
}

const FAILURES: readonly (readonly [
  name: string,
  pieces: readonly (string | Error)[],
  part: string,
])[] = [
  ["an error event", [data({ error: { message: "no KV" } })], "failed: no KV"],
  ["finish_reason error", [event("", { finish_reason: "error" })], "finish_reason 'error'"],
  ["the end of its stream", [], "ended its stream without [DONE]"],
  ["comments and an end", [": x\n\n"], "ended its stream without [DONE]"],
  ["half an event and an end", ["data: {"], "ended its stream without [DONE]"],
  ["a broken connection", [new RouterError("upstream-protocol", "cut")], "failed: cut"],
];

for (const [name, pieces, part] of FAILURES) {
  Deno.test(`openDecode() fails when an engine begins with ${name}`, async () => {
    const { parts, flight, end } = begin();
    const answer = parts.upstream.to(DECODE.url).answer(eventResponse(pieces));
    const open = await end;
    assert(open.kind === "failed");
    assertStringIncludes(open.error.message, part);
    flight[Symbol.dispose]();
    assert(answer.state !== "open", "given back");
    assertEquals(parts.fleet.ends, ["decode failed decode-failed"]);
    parts.assertQuiet();
  });
}

for (
  const [code, as] of [
    ["upstream-unreachable", "decode-failed"],
    ["upstream-lost", "decode-failed"],
    ["upstream-timeout", "upstream-timeout"],
  ] as const
) {
  Deno.test(`openDecode() fails with ${as} where sending does with ${code}`, async () => {
    const { parts, end } = begin();
    parts.upstream.to(DECODE.url).fail(new RouterError(code, "the reason"));
    const open = await end;
    assertEquals(open.kind === "failed" && open.error.code, as);
    assertEquals(parts.fleet.ends, [`decode failed ${as}`]);
    parts.assertQuiet();
  });
}

Deno.test("openDecode() says nothing of an engine that nobody waits for any more", async () => {
  for (const headed of [false, true]) {
    const { parts, flight, abort, end } = begin();
    const response = eventResponse();
    if (headed) parts.upstream.to(DECODE.url).answer(response);
    await settle();
    abort.abort();
    assertEquals((await end).kind, "failed");
    flight[Symbol.dispose]();
    assertEquals(parts.fleet.ends, ["decode left"]);
    if (headed) assertEquals(response.state, "closed");
    parts.assertQuiet();
  }
});

function seamOf(more: Partial<Seam> = {}): Seam {
  return {
    engine: DECODE,
    prefillUsage: undefined,
    continuousUsage: false,
    joiner: undefined,
    stops: undefined,
    begun: " one",
    spelled: 0,
    tells: { tokenIds: false, logprobs: false },
    ...more,
  };
}

function writerOf(): StreamWriter {
  const identity = { form: "completions", id: "cmpl-r", created: 1, model: "m" } as const;
  return new StreamWriter(identity, { includeUsage: true });
}

/** All that is pumped out, as text. */
async function pumped(
  { parts, open }: Pick<Leg, "parts"> & { readonly open: OpenDecode },
  seam = seamOf(),
): Promise<string> {
  let text = "";
  for await (const bytes of pumpDecode(parts.deps, open, seam, writerOf())) {
    text += decodeUtf8(bytes);
  }
  return text;
}

/** The texts of the chunks in `text`, and what stands between them. */
function told(text: string): readonly string[] {
  return text.split("\n\n").filter((part) => part !== "").map((part) => {
    if (!part.startsWith("data: {")) return part;
    const { choices } = JSON.parse(part.slice("data: ".length));
    return choices[0]?.text ?? "usage";
  });
}

Deno.test("pumpDecode() writes the whole stream, at any cut, and keeps the connection", async () => {
  const bytes = encodeUtf8(STREAM.join(""));
  for (const { name, pieces } of allCuts(bytes)) {
    const leg = await opened(eventResponse(pieces));
    assertEquals(told(await pumped(leg)), [" two", " three", "usage", "data: [DONE]"], name);
    await leg.parts.deps.background.idle();
    assertEquals([leg.response.state, leg.parts.fleet.ends], ["kept", ["decode ok"]], name);
    leg.parts.assertQuiet();
  }
});

Deno.test("pumpDecode() passes comments on where they stand, at any cut", async () => {
  const [first = "", ...rest] = STREAM;
  const text = [": a\n\n", first, ": b\n: c\n\n", ...rest].join("");
  for (const { name, pieces } of allCuts(encodeUtf8(text), 20)) {
    const leg = await opened(eventResponse(pieces));
    assertEquals(
      told(await pumped(leg)),
      [": a", " two", ": b", ": c", " three", "usage", "data: [DONE]"],
      name,
    );
  }
});

Deno.test("pumpDecode() yields what has come with each read, and reads on when it is asked", async () => {
  const response = eventResponse();
  response.send(event(" a") + event(" b"));
  const leg = await opened(response);
  const pump = pumpDecode(leg.parts.deps, leg.open, seamOf(), writerOf());
  const first = await pump.next();
  assertEquals(first.done === true ? [] : told(decodeUtf8(first.value)), [" a", " b"]);
  const next = pump.next();
  response.send(event(" c"));
  const second = await next;
  assertEquals(second.done === true ? [] : told(decodeUtf8(second.value)), [" c"]);
  leg.abort.abort();
  await assertRejects(() => pump.next(), RouterError, "aborted");
  leg.flight[Symbol.dispose]();
  assertEquals([response.state, leg.parts.fleet.ends], ["closed", ["decode left"]]);
});

Deno.test("pumpDecode() reads what follows [DONE], so that the connection is kept", async () => {
  const response = eventResponse();
  response.send(STREAM.join(""));
  const leg = await opened(response);
  assertEquals(told(await pumped(leg)).at(-1), "data: [DONE]");
  assertEquals([response.state, leg.parts.fleet.ends], ["open", ["decode ok"]], "told at once");
  await leg.parts.clock.advance(TAIL_MS - 1);
  response.send("\n");
  response.end();
  await leg.parts.deps.background.idle();
  assertEquals(response.state, "kept");
  leg.parts.assertQuiet();
});

Deno.test("pumpDecode() does not wait long for what follows [DONE]", async () => {
  const response = eventResponse();
  response.send(STREAM.join(""));
  const leg = await opened(response);
  await pumped(leg);
  await leg.parts.clock.advance(TAIL_MS);
  assertEquals([response.state, leg.parts.fleet.ends], ["closed", ["decode ok"]]);
  leg.parts.assertQuiet();
});

Deno.test("pumpDecode() takes no harm from a connection that breaks behind [DONE]", async () => {
  const broken = new RouterError("upstream-protocol", "cut");
  const leg = await opened(eventResponse([STREAM.join(""), broken]));
  assertEquals(told(await pumped(leg)).at(-1), "data: [DONE]");
  await leg.parts.deps.background.idle();
  assertEquals([leg.response.state, leg.parts.fleet.ends], ["closed", ["decode ok"]]);
  assertEquals(leg.parts.lines.filter(({ level }) => level === "error"), []);
  leg.parts.assertQuiet();
});

Deno.test("pumpDecode() cuts an engine off that would go on", async () => {
  const rules = { stops: ["one tw"], include: false, minTokens: 0 };
  const stops = new StopJoin(rules, () => Promise.resolve(undefined), []);
  stops.begin(" one", 1);
  const response = eventResponse();
  response.send(event(" two", { token_ids: [2] }));
  const leg = await opened(response);
  const text = await pumped(leg, seamOf({ stops }));
  assertStringIncludes(text, '"finish_reason":"stop"');
  assertEquals([response.state, leg.parts.fleet.ends], ["closed", ["decode ok"]]);
  leg.parts.assertQuiet();
});

const BREAKS: readonly (readonly [
  name: string,
  pieces: readonly (string | Error)[],
  code: string,
])[] = [
  ["an error event", [data({ error: "boom" })], "decode-failed"],
  ["[DONE] without a finish_reason", [END], "decode-failed"],
  ["an end without [DONE]", [], "decode-failed"],
  ["a connection cut", [new RouterError("upstream-protocol", "cut")], "upstream-protocol"],
  ["silence", [new RouterError("upstream-timeout", "silent")], "upstream-timeout"],
];

for (const [name, pieces, code] of BREAKS) {
  Deno.test(`pumpDecode() throws at ${name}, and says so of the engine`, async () => {
    const leg = await opened(eventResponse([event(" two"), ...pieces]));
    const writer = writerOf();
    const pump = pumpDecode(leg.parts.deps, leg.open, seamOf(), writer);
    const first = await pump.next();
    assertEquals(first.done === true ? [] : told(decodeUtf8(first.value)), [" two"]);
    const error = await assertRejects(() => pump.next(), RouterError);
    assertEquals(error.code, code);
    assertEquals(leg.parts.fleet.ends, [`decode failed ${code}`]);
    assert(leg.response.state !== "open", "given back");
    leg.parts.assertQuiet();
  });
}

Deno.test("pumpDecode() leaves text that came with a failure to be taken", async () => {
  const leg = await opened(eventResponse([event(" two") + data({ error: "boom" })]));
  const writer = writerOf();
  const pump = pumpDecode(leg.parts.deps, leg.open, seamOf(), writer);
  await assertRejects(() => pump.next(), RouterError, "boom");
  assertEquals(told(decodeUtf8(writer.take() ?? new Uint8Array(0))), [" two"]);
});

const IN_BAND:
  readonly (readonly [code: unknown, kind: OpenEnd["kind"], status: number | undefined])[] = [
    [400, "refused", 400],
    ["422", "refused", 422],
    [429, "refused", 429],
    [500, "failed", undefined],
    [503, "failed", 503],
    ["server_error", "failed", undefined],
  ];

for (const [code, kind, status] of IN_BAND) {
  Deno.test(`openDecode() is ${kind} by an event with code ${code}`, async () => {
    const { parts, flight, end } = begin();
    const said = { error: { message: "so it is", code } };
    const answer = parts.upstream.to(DECODE.url).answer(eventResponse([data(said), END]));
    const open = await end;
    assert(open.kind === kind && open.kind !== "open");
    assertEquals(open.error.message, `Decode on engine ${DECODE.url} failed: so it is`);
    assertEquals(open.error.refusal?.status, status);
    if (open.kind === "refused") {
      assertEquals(open.inStream, true);
      assertEquals(JSON.parse(decodeUtf8(open.error.refusal?.body ?? encodeUtf8(""))), said);
    }
    flight[Symbol.dispose]();
    assert(answer.state !== "open", "given back");
    const ended = kind === "refused" ? "ok" : "failed decode-failed";
    assertEquals(parts.fleet.ends, [`decode ${ended}`], "a refusal is no fault of the engine's");
    parts.assertQuiet();
  });
}

Deno.test("openDecode() keeps an engine's refusal by its status, and whether it has room", async () => {
  for (const status of [400, 429, 503]) {
    const { parts, end } = begin();
    const fields = [["retry-after", "3"]] as const;
    parts.upstream.to(DECODE.url).answer(
      jsonResponse({ error: { message: "no" } }, status, fields),
    );
    const open = await end;
    assert(open.kind !== "open");
    const { refusal } = open.error;
    assertEquals([refusal?.status, refusal?.headers.at(-1)], [status, fields[0]]);
  }
});

const NO_STREAM: readonly (readonly [name: string, response: FakeResponse, part: string])[] = [
  ["a JSON answer", jsonResponse({ choices: [] }), "with 'application/json'"],
  ["a page", new FakeResponse(200, [["content-type", "text/html"]], ["<html>"]), "'text/html'"],
  ["no type", new FakeResponse(200, [], [event(" a")]), "without a content type"],
  [
    "an encoding",
    new FakeResponse(
      200,
      [["content-type", "text/event-stream"], ["content-encoding", "gzip"]],
      [],
    ),
    "encoding 'gzip'",
  ],
];

for (const [name, response, part] of NO_STREAM) {
  Deno.test(`openDecode() takes ${name} for no stream`, async () => {
    const { parts, flight, end } = begin();
    parts.upstream.to(DECODE.url).answer(response);
    const open = await end;
    assert(open.kind === "failed");
    assertStringIncludes(open.error.message, part);
    flight[Symbol.dispose]();
    assertEquals(parts.fleet.ends, ["decode failed decode-failed"]);
    assert(response.state !== "open", "given back");
    parts.assertQuiet();
  });
}

Deno.test("pumpDecode() works on a large event in turns, at any cut", async () => {
  const ids = Array.from({ length: 60_000 }, (_, at) => 100_000 + at);
  const events = [event(" one", { prompt_token_ids: ids }), ...STREAM].join("");
  for (const size of [events.length, 65_536, 9_999]) {
    const pieces: string[] = [];
    for (let at = 0; at < events.length; at += size) pieces.push(events.slice(at, at + size));
    const leg = begin();
    leg.parts.upstream.to(DECODE.url).answer(eventResponse(pieces));
    const end = await leg.end;
    assert(end.kind === "open");
    const breather = new CountingBreather();
    const parts = { ...leg.parts, deps: { ...leg.parts.deps, breather } };
    const text = await pumped({ parts, open: end.open });
    assertEquals(told(text), [" one", " two", " three", "usage", "data: [DONE]"]);
    assert(breather.pauses > 20, "others have had their turns");
    await leg.parts.deps.background.idle();
    leg.parts.assertQuiet();
  }
});
