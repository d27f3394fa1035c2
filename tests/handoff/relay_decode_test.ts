import { decodeUtf8, encodeUtf8, LazyAbort, RouterError } from "../../lib/base/mod.ts";
import type { Flight } from "../../lib/fleet/mod.ts";
import {
  leavable,
  openRelay,
  type RelayOpenEnd,
  startingWith,
} from "../../lib/handoff/relay_decode.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { countedSignal } from "../support/counted_signal.ts";
import { FakeBody } from "../support/fake_body.ts";
import { settle } from "../support/fake_clock.ts";
import { eventResponse, FakeResponse, jsonResponse, type Piece } from "../support/fake_upstream.ts";
import { data, event } from "../support/scripted_pair.ts";
import { DECODE, handoffParts, type Parts, PREFILL, textRequest, TIMEOUTS } from "./support.ts";

interface Leg {
  readonly parts: Parts;
  readonly flight: Flight;
  readonly abort: LazyAbort;
  readonly end: Promise<RelayOpenEnd>;
}

function begin(stream = true, params?: string): Leg {
  const parts = handoffParts();
  const flight = parts.fleet.take(DECODE, "decode", PREFILL);
  const abort = new LazyAbort();
  const request = textRequest({ stream, x: [1] });
  const path = "/v1/completions?a=b";
  const replayable = params === undefined;
  const ask = { request, path, flight, params, replayable, abort };
  return { parts, flight, abort, end: openRelay(parts.deps, parts.context, ask) };
}

async function opened(
  response: FakeResponse,
  stream = true,
): Promise<Leg & { readonly open: Extract<RelayOpenEnd, { readonly kind: "open" }> }> {
  const leg = begin(stream);
  leg.parts.upstream.to(DECODE.url).answer(response);
  const open = await leg.end;
  assert(open.kind === "open", `open, received ${JSON.stringify(open)}`);
  return { ...leg, open };
}

Deno.test("openRelay() sends the client's own request, with the parameters of its KV", async () => {
  for (const [params, replayable] of [[undefined, true], ['{"remote":1}', false]] as const) {
    for (const stream of [true, false]) {
      const { parts, flight, abort, end } = begin(stream, params);
      const { request, body } = parts.upstream.to(DECODE.url);
      assertEquals([request.path, request.headers], [
        "/v1/completions?a=b",
        [["x-request-id", "r"]],
      ]);
      assertEquals(body, {
        model: "m",
        prompt: "hi",
        max_tokens: 5,
        stream,
        x: [1],
        ...(params === undefined ? {} : { kv_transfer_params: { remote: 1 } }),
      });
      assertEquals([request.replayable, request.headTimeoutMs], [
        replayable,
        stream ? TIMEOUTS.firstByteMs : TIMEOUTS.wholeAnswerMs,
      ], "what a prefill said of its KV is good for one request");
      abort.abort();
      await end;
      flight[Symbol.dispose]();
      parts.assertQuiet();
    }
  }
});

Deno.test("openRelay() is open when a stream tells of a token", async () => {
  const { parts, flight, abort, end } = begin();
  const response = parts.upstream.to(DECODE.url).answer(eventResponse());
  const role = data({ choices: [{ index: 0, delta: { role: "assistant", content: "" } }] });
  response.send(role);
  await settle();
  assertEquals(parts.steps(), [`decode-sent ${DECODE.url}`]);
  response.send(event(" a") + "data: {");
  const open = await end;
  assert(open.kind === "open" && open.response === response && open.abort === abort);
  assertEquals(decodeUtf8(open.first ?? encodeUtf8("")), `${role}${event(" a")}data: {`);
  assertEquals(parts.steps(), [`decode-sent ${DECODE.url}`, `decode-first ${DECODE.url}`]);
  assertEquals(parts.fleet.ends, [], "its end is for its reader to say");
  open.close();
  assertEquals(response.state, "closed");
  flight[Symbol.dispose]();
  parts.assertQuiet();
});

Deno.test("openRelay() is open when the whole of an answer has come that is not streamed", async () => {
  const leg = begin(false);
  const response = leg.parts.upstream.to(DECODE.url).answer(jsonResponse({ choices: [] }));
  const open = await leg.end;
  assert(open.kind === "open");
  assertEquals([decodeUtf8(open.first ?? encodeUtf8("")), response.state], [
    '{"choices":[]}',
    "kept",
  ]);
});

const JSON_TYPE = ["content-type", "application/json"] as const;

Deno.test("openRelay() is open with an empty body", async () => {
  assertEquals((await opened(new FakeResponse(200, [JSON_TYPE], []), false)).open.first, undefined);
  assertEquals((await opened(eventResponse([]))).open.first, undefined);
});

for (const status of [400, 404, 429]) {
  Deno.test(`openRelay() passes a refusal with ${status} on`, async () => {
    const { parts, flight, end } = begin();
    const said = { error: { message: "too odd" } };
    const response = jsonResponse(said, status, [["x-a", "b"], ["connection", "keep-alive"]]);
    parts.upstream.to(DECODE.url).answer(response);
    const refused = await end;
    assert(refused.kind === "refused" && refused.answer.body instanceof Uint8Array);
    assertEquals(
      [refused.answer.status, refused.answer.headers, decodeUtf8(refused.answer.body)],
      [status, [["content-type", "application/json"], ["x-a", "b"]], JSON.stringify(said)],
    );
    flight[Symbol.dispose]();
    assertEquals([response.state, parts.fleet.ends], ["kept", ["decode ok"]]);
    parts.assertQuiet();
  });
}

const FAILURES: readonly (readonly [
  name: string,
  answer: FakeResponse | RouterError,
  code: string,
  part: string,
])[] = [
  ["an answer with 500", jsonResponse({ message: "dead" }, 500), "decode-failed", "500: dead"],
  ["an answer with 503", jsonResponse({ message: "full" }, 503), "decode-failed", "503: full"],
  ["an error event", eventResponse([data({ error: "no KV" })]), "decode-failed", "no KV"],
  [
    "an error event behind the role",
    eventResponse([
      data({ choices: [{ delta: { role: "assistant", content: "" } }] }) +
      data({ error: "no KV" }),
    ]),
    "decode-failed",
    "no KV",
  ],
  [
    "finish_reason error",
    jsonResponse({ choices: [{ finish_reason: "error" }] }),
    "decode-failed",
    "finish_reason 'error'",
  ],
  [
    "a cut stream",
    eventResponse(["data: ", new RouterError("upstream-protocol", "cut")]),
    "decode-failed",
    "failed: cut",
  ],
  ["silence", new RouterError("upstream-timeout", "silent"), "upstream-timeout", "failed: silent"],
  ["no connection", new RouterError("upstream-unreachable", "x"), "decode-failed", "failed: x"],
];

for (const [name, answer, code, part] of FAILURES) {
  Deno.test(`openRelay() fails with ${name}`, async () => {
    const { parts, flight, end } = begin();
    const sent = parts.upstream.to(DECODE.url);
    if (answer instanceof RouterError) sent.fail(answer);
    else sent.answer(answer);
    const failed = await end;
    assert(failed.kind === "failed", failed.kind);
    assertEquals(failed.error.code, code);
    assertStringIncludes(failed.error.message, part);
    flight[Symbol.dispose]();
    if (!(answer instanceof RouterError)) assert(answer.state !== "open", "given back");
    assertEquals(parts.fleet.ends, [`decode failed ${code}`]);
    parts.assertQuiet();
  });
}

Deno.test("openRelay() says nothing of an engine that nobody waits for any more", async () => {
  for (const pieces of [undefined, ["data: "]] satisfies (readonly Piece[] | undefined)[]) {
    const { parts, flight, abort, end } = begin();
    const response = eventResponse();
    if (pieces !== undefined) {
      parts.upstream.to(DECODE.url).answer(response);
      response.send(...pieces);
    }
    await settle();
    abort.abort();
    assertEquals((await end).kind, "failed");
    flight[Symbol.dispose]();
    assertEquals(parts.fleet.ends, ["decode left"]);
    if (pieces !== undefined) assertEquals(response.state, "closed");
    parts.assertQuiet();
  }
});

async function textOf(source: Pick<FakeBody, "read">): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
    texts.push(decodeUtf8(bytes));
  }
  return texts;
}

Deno.test("startingWith() gives the head first, and then the rest", async () => {
  const rest = new FakeBody(["b", "c"]);
  const source = startingWith(encodeUtf8("a"), rest);
  assertEquals(rest.reads, 0);
  assertEquals(await textOf(source), ["a", "b", "c"]);
  assertEquals(await textOf(startingWith(undefined, new FakeBody(["b"]))), ["b"]);
  assertEquals(await textOf(startingWith(encodeUtf8("a"), new FakeBody([]))), ["a"]);
});

Deno.test("startingWith() cancels the rest", () => {
  const rest = new FakeBody();
  startingWith(encodeUtf8("a"), rest).cancel();
  assert(rest.cancelled);
});

Deno.test("leavable() passes all on, and listens no longer than its source lasts", async () => {
  const { signal, count } = countedSignal();
  const abort = new LazyAbort();
  const source = leavable(new FakeBody(["a", "b"]), abort, signal);
  assertEquals(count(), 1);
  assertEquals(await textOf(source), ["a", "b"]);
  assertEquals([count(), abort.signal.aborted], [0, false]);
});

Deno.test("leavable() ends the exchange when the client goes, even while it is being read", async () => {
  const { signal, count, controller } = countedSignal();
  const abort = new LazyAbort();
  const body = new FakeBody();
  const reading = leavable(body, abort, signal).read();
  controller.abort();
  assertEquals(await reading, undefined);
  assertEquals([body.cancelled, abort.signal.aborted, count()], [true, true, 0]);
});

Deno.test("leavable() ends the exchange when it is cancelled, any number of times", () => {
  const { signal, count } = countedSignal();
  const abort = new LazyAbort();
  const body = new FakeBody();
  const source = leavable(body, abort, signal);
  source.cancel();
  source.cancel();
  assertEquals([body.cancelled, abort.signal.aborted, count()], [true, true, 0]);
});

Deno.test("leavable() ends the exchange at once for a client that has gone already", () => {
  const { signal, count, controller } = countedSignal();
  controller.abort();
  const abort = new LazyAbort();
  const body = new FakeBody();
  leavable(body, abort, signal);
  assertEquals([body.cancelled, abort.signal.aborted, count()], [true, true, 0]);
});

Deno.test("leavable() listens no longer when its source breaks", async () => {
  const { signal, count } = countedSignal();
  const abort = new LazyAbort();
  const body = new FakeBody();
  const source = leavable(body, abort, signal);
  body.break(new RouterError("upstream-protocol", "cut"));
  await assertRejects(() => source.read(), RouterError, "cut");
  assertEquals([count(), abort.signal.aborted], [0, false]);
});

const REFUSAL = { error: { message: "too odd", code: 400 } };
const ROLE = data({ choices: [{ delta: { role: "assistant", content: "" } }] });

const REFUSALS: readonly (readonly [name: string, answer: FakeResponse, stream: boolean])[] = [
  ["an event", eventResponse([data(REFUSAL), data("[DONE]")]), true],
  ["an event behind the role", eventResponse([ROLE, data(REFUSAL)]), true],
  ["JSON in the place of events", jsonResponse(REFUSAL), true],
  ["JSON with status 200", jsonResponse(REFUSAL), false],
];

for (const [name, response, stream] of REFUSALS) {
  Deno.test(`openRelay() is refused by ${name}`, async () => {
    const { parts, flight, end } = begin(stream);
    parts.upstream.to(DECODE.url).answer(response);
    const refused = await end;
    assert(refused.kind === "refused");
    const { status, headers, body } = refused.answer;
    assertEquals([status, JSON.parse(decodeUtf8(body))], [400, REFUSAL]);
    assertEquals(headers.filter(([field]) => field === "content-type"), [JSON_TYPE]);
    flight[Symbol.dispose]();
    assertEquals(parts.fleet.ends, ["decode ok"], "no fault of the engine's");
    assert(response.state !== "open", "given back");
    parts.assertQuiet();
  });
}

const PAGE = ["content-type", "text/html"] as const;

const NONE: readonly (readonly [
  name: string,
  answer: FakeResponse,
  stream: boolean,
  part: string,
])[] = [
  ["a redirection", jsonResponse({}, 302), true, "answered 302, which is no answer"],
  ["a part", jsonResponse({}, 206), false, "answered 206, which is no answer"],
  ["no content", new FakeResponse(204, [], []), false, "answered 204"],
  ["a page", new FakeResponse(200, [PAGE], ["<html>http://10.0.0.7"]), true, "'text/html'"],
  ["a page", new FakeResponse(200, [PAGE], ["<html>http://10.0.0.7"]), false, "'text/html'"],
  ["JSON in the place of events", jsonResponse({ choices: [] }), true, "'application/json'"],
  ["events in the place of JSON", eventResponse([event(" a")]), false, "'text/event-stream'"],
];

for (const [name, response, stream, part] of NONE) {
  Deno.test(`openRelay() takes ${name} for no answer, stream ${stream}`, async () => {
    const { parts, flight, end } = begin(stream);
    parts.upstream.to(DECODE.url).answer(response);
    const failed = await end;
    assert(failed.kind === "failed", failed.kind);
    assertStringIncludes(failed.error.message, part);
    assertEquals(failed.error.message.includes("10.0.0.7"), false);
    flight[Symbol.dispose]();
    assertEquals(parts.fleet.ends, ["decode failed decode-failed"]);
    assert(response.state !== "open", "given back");
    parts.assertQuiet();
  });
}

Deno.test("openRelay() keeps what an engine without room says", async () => {
  const { parts, end } = begin();
  const fields = [["retry-after", "3"]] as const;
  parts.upstream.to(DECODE.url).answer(jsonResponse({ message: "full" }, 503, fields));
  const failed = await end;
  assert(failed.kind === "failed");
  assertEquals([failed.error.refusal?.status, failed.error.refusal?.headers.at(-1)], [
    503,
    fields[0],
  ]);
});

Deno.test("startingWith() gives a large head in pieces, the client's to keep", async () => {
  const head = new Uint8Array(700_000).fill(7);
  const source = startingWith(head, new FakeBody(["end"]));
  const pieces: Uint8Array[] = [];
  for (let bytes = await source.read(); bytes; bytes = await source.read()) pieces.push(bytes);
  assertEquals(pieces.map(({ length }) => length), [262_144, 262_144, 175_712, 3]);
  head.fill(0);
  assertEquals(pieces.slice(0, 3).every((piece) => piece.every((byte) => byte === 7)), true);
});
