import {
  createLogger,
  encodeUtf8,
  type ErrorCode,
  RouterError,
  silentLogger,
} from "../../lib/base/mod.ts";
import { IdleWheel, responseOf } from "../../lib/front/mod.ts";
import { errorAnswer, finishedAnswer, jsonAnswer, type Outcome } from "../../lib/http/respond.ts";
import { ERROR_MEANINGS } from "../../lib/openai/mod.ts";
import { type Answer, type ByteSource, isWhole } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { FakeClock } from "../support/fake_clock.ts";

const JSON_TYPE = [["content-type", "application/json"]] as const;
const EVENTS_TYPE = [["content-type", "text/event-stream"]] as const;

/** A body in pieces, an error among them breaks it; it counts what is asked of it. */
class Pieces implements ByteSource {
  reads = 0;
  cancels = 0;
  failure: RouterError | undefined;
  readonly #left: (string | Error)[];

  constructor(...pieces: readonly (string | Error)[]) {
    this.#left = [...pieces];
  }

  read(): Promise<Uint8Array | undefined> {
    this.reads++;
    const piece = this.#left.shift();
    if (piece instanceof Error) return Promise.reject(piece);
    return Promise.resolve(piece === undefined ? undefined : encodeUtf8(piece));
  }

  cancel(): void {
    this.cancels++;
  }
}

interface Made {
  readonly response: Response;
  /** How the response ended, each time it was told. */
  readonly ends: (readonly [Outcome, unknown])[];
  /** How often the first bytes were told. */
  readonly firsts: () => number;
}

function made(answer: Answer & { readonly failure?: RouterError }, path = "/v1/completions"): Made {
  const ends: Made["ends"] = [];
  let firsts = 0;
  const onEnd = (outcome: Outcome, failure?: unknown): void => void ends.push([outcome, failure]);
  const finished = finishedAnswer(answer, {
    telling: { path, requestId: "r", told: (error) => error },
    onFirstByte: () => void firsts++,
    onEnd,
  });
  const wheel = new IdleWheel(new FakeClock(), 60_000);
  const response = responseOf(finished, { wheel, onTooLong: () => {} });
  return { response, ends, firsts: () => firsts };
}

Deno.test("finishedAnswer() gives a whole answer, its fields, and the request's id once", async () => {
  const { response, ends, firsts } = made({
    status: 201,
    headers: [...JSON_TYPE, ["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-request-id", "e"]],
    body: encodeUtf8("{}"),
  });
  assertEquals([response.status, await response.text()], [201, "{}"]);
  assertEquals(response.headers.get("content-type"), "application/json");
  assertEquals(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assertEquals(response.headers.get("x-request-id"), "r");
  assertEquals([ends, firsts()], [[["ok", undefined]], 0]);
});

Deno.test("finishedAnswer() says how an answer of each status ended", () => {
  const cases: readonly (readonly [status: number, outcome: Outcome])[] = [
    [200, "ok"],
    [302, "ok"],
    [400, "client_error"],
    [404, "client_error"],
    [498, "client_error"],
    [499, "client_gone"],
    [500, "server_error"],
    [504, "server_error"],
  ];
  for (const [status, outcome] of cases) {
    const failure = new RouterError("no-engine", "No engine");
    const { ends } = made({ status, headers: [], body: new Uint8Array(), failure });
    assertEquals(ends, [[outcome, failure]], String(status));
  }
});

Deno.test("finishedAnswer() gives no body where the status allows none, and gives it back", async () => {
  for (const status of [101, 204, 205, 304]) {
    for (const source of [new Pieces("text"), undefined]) {
      const body = source ?? encodeUtf8("text");
      const { response, ends } = made({ status, headers: [["x-a", "1"]], body });
      assertEquals([response.status, response.body], [status, null]);
      assertEquals([response.headers.get("x-a"), await response.text()], ["1", ""]);
      assertEquals(ends, [["ok", undefined]]);
      assertEquals([source?.reads ?? 0, source?.cancels ?? 1], [0, 1]);
    }
  }
});

Deno.test("finishedAnswer() reads a body as fast as the client does, and says its end once", async () => {
  const source = new Pieces("one", "two");
  const { response, ends } = made({ status: 200, headers: JSON_TYPE, body: source });
  const reader = response.body?.getReader();
  assertEquals(source.reads, 0);
  await reader?.read();
  assertEquals([source.reads, ends.length], [1, 0]);
  await reader?.read();
  assertEquals((await reader?.read())?.done, true);
  assertEquals([source.reads, source.cancels, ends], [3, 0, [["ok", undefined]]]);
});

Deno.test("finishedAnswer() tells the first bytes of a stream of events once, and of nothing else", async () => {
  const cases = [
    [200, EVENTS_TYPE, 1],
    [200, JSON_TYPE, 0],
    [500, EVENTS_TYPE, 0],
  ] as const;
  for (const [status, headers, expected] of cases) {
    const body = new Pieces("data: 1\n\n", "data: 2\n\n");
    const { response, firsts } = made({ status, headers, body });
    assertEquals(firsts(), 0);
    await response.text();
    assertEquals(firsts(), expected);
  }
  const empty = made({ status: 200, headers: EVENTS_TYPE, body: new Pieces() });
  await empty.response.text();
  assertEquals([empty.firsts(), empty.ends], [0, [["ok", undefined]]]);
});

Deno.test("finishedAnswer() breaks off a body that breaks", async () => {
  const lost = new RouterError("upstream-protocol", "Cut");
  const { response, ends } = made({ status: 200, headers: JSON_TYPE, body: new Pieces("{", lost) });
  assertEquals(await assertRejects(() => response.text(), RouterError), lost);
  assertEquals(ends, [["stream_error", lost]]);
});

Deno.test("finishedAnswer() tells a failure between two events in the stream, by its path", async () => {
  const lost = new RouterError("upstream-protocol", "Cut", { cause: new Error("reset") });
  for (
    const [path, name] of [["/v1/completions", ""], ["/v1/messages", "event: error\n"]] as const
  ) {
    const body = new Pieces("data: 1\n\n", lost);
    const { response, ends } = made({ status: 200, headers: EVENTS_TYPE, body }, path);
    const text = await response.text();
    assert(text.startsWith(`data: 1\n\n${name}data: {`) && text.includes("Cut: reset"), text);
    assertEquals(ends, [["stream_error", lost]]);
  }
});

Deno.test("finishedAnswer() counts a body that has told its failure itself", async () => {
  const failure = new RouterError("decode-failed", "Decode failed");
  const body = new Pieces("data: error\n\n");
  body.failure = failure;
  const { response, ends } = made({ status: 200, headers: EVENTS_TYPE, body });
  assertEquals(await response.text(), "data: error\n\n");
  assertEquals(ends, [["stream_error", failure]]);
});

Deno.test("finishedAnswer() gives the body back when the client leaves, and says so once", async () => {
  const body = new Pieces("data: 1\n\n", "data: 2\n\n");
  const { response, ends } = made({ status: 200, headers: EVENTS_TYPE, body });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  await reader?.cancel();
  assertEquals([body.cancels, body.reads], [1, 1]);
  assertEquals(ends, [["client_gone", undefined]]);
});

Deno.test("finishedAnswer() gives the body back of an answer that no response can carry", () => {
  const cases = [
    [200, [["x-a", "\u0100"]]],
    [200, [["a b", "1"]]],
    [600, []],
  ] as const;
  for (const [status, headers] of cases) {
    const body = new Pieces("text");
    assertThrows(() => made({ status, headers, body }), Error);
    assertEquals([body.cancels, body.reads], [1, 0]);
  }
});

/** What a client is told of each code. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  "bad-request": 400,
  "body-too-large": 413,
  "client-timeout": 408,
  "overloaded": 503,
  "unsupported-coding": 415,
  "unsupported-type": 415,
  "conflict": 409,
  "unauthorized": 401,
  "forbidden": 403,
  "rate-limited": 429,
  "not-found": 404,
  "method-not-allowed": 405,
  "unknown-model": 404,
  "unknown-engine": 404,
  "no-engine": 503,
  "key-refused": 502,
  "tokenize-failed": 502,
  "prefill-failed": 502,
  "pair-unequal": 503,
  "kv-timeout": 504,
  "decode-failed": 502,
  "upstream-unreachable": 502,
  "upstream-protocol": 502,
  "upstream-lost": 502,
  "upstream-timeout": 504,
  "engine-unhealthy": 502,
  "check-failed": 502,
  "request-timeout": 504,
  "client-gone": 499,
  "shutting-down": 503,
  "internal": 500,
};

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(STATUSES, text);
}

// deno-lint-ignore no-explicit-any
function bodyOf({ body }: Answer): any {
  return isWhole(body) ? JSON.parse(new TextDecoder().decode(body)) : undefined;
}

Deno.test("errorAnswer() has a status for every code", () => {
  const codes = Object.keys(ERROR_MEANINGS).filter(isCode);
  assertEquals(codes.length, Object.keys(STATUSES).length);
  for (const code of codes) {
    const error = new RouterError(code, "What happened", { param: "field" });
    const answer = errorAnswer(error, silentLogger());
    assertEquals([answer.status, answer.failure], [STATUSES[code], error], code);
    // What else there is to say of it has tests of its own.
    assertEquals(answer.headers.slice(0, 1), [...JSON_TYPE], code);
    const { message, type, ...rest } = bodyOf(answer).error;
    assertEquals([message, typeof type], ["What happened", "string"], code);
    assertEquals(rest, { param: "field", code: STATUSES[code] }, code);
  }
});

interface Logged {
  readonly answer: ReturnType<typeof errorAnswer>;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

function loggedBy(error: unknown): Logged {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = createLogger(new FakeClock(), (line) => lines.push(JSON.parse(line)), {
    level: "debug",
    format: "json",
  });
  return { answer: errorAnswer(error, log), lines };
}

Deno.test("errorAnswer() logs the router's own faults once, with their stack, and tells nothing of them", () => {
  const known = new RouterError("internal", "A pair is missing");
  for (const fault of [new TypeError("x is undefined"), known]) {
    const { answer, lines } = loggedBy(fault);
    assertEquals(answer.status, 500);
    assertEquals(lines.length, 1);
    const { time: _time, ...line } = lines[0] ?? {};
    const { message: error, stack } = fault;
    assertEquals<unknown>(line, { level: "error", message: "Request failed", error, stack });
    const told = fault === known ? known.message : "The router failed to handle this request";
    assertEquals(bodyOf(answer).error.message, told);
    assertEquals(answer.failure.code, "internal");
  }
});

Deno.test("errorAnswer() answers whatever is thrown", () => {
  const { answer, lines } = loggedBy("a text");
  assertEquals([answer.status, lines.length], [500, 1]);
});

Deno.test("errorAnswer() logs nothing of what is no fault of the router's, and tells its causes", () => {
  const cause = new Error("refused");
  const { answer, lines } = loggedBy(new RouterError("prefill-failed", "No prefill", { cause }));
  assertEquals([bodyOf(answer).error.message, lines], ["No prefill: refused", []]);
});

Deno.test("errorAnswer() names the method to use, though there are causes", () => {
  const cause = new Error("why");
  for (const options of [{ allow: "POST" }, { allow: "POST", cause }]) {
    const error = new RouterError("method-not-allowed", "Use POST", options);
    const { headers } = errorAnswer(error, silentLogger());
    assertEquals(headers, [...JSON_TYPE, ["allow", "POST"]]);
  }
});

Deno.test("jsonAnswer() is a whole answer with the fields given", () => {
  const answer = jsonAnswer(418, { a: ["é"] }, [["x-a", "1"]]);
  assertEquals([answer.status, answer.headers], [418, [...JSON_TYPE, ["x-a", "1"]]]);
  assertEquals(bodyOf(answer), { a: ["é"] });
});

Deno.test("errorAnswer() says once when to come again, as the error does where it does", () => {
  const fieldsOf = (error: RouterError): readonly string[] =>
    errorAnswer(error, silentLogger()).headers.filter(([name]) => name === "retry-after")
      .map(([, value]) => value);
  assertEquals(fieldsOf(new RouterError("overloaded", "Full")), ["1"]);
  const fields = [["retry-after", "7"]] as const;
  assertEquals(fieldsOf(new RouterError("overloaded", "Full", { fields })), ["7"]);
  assertEquals(fieldsOf(new RouterError("rate-limited", "Full", { fields })), ["7"]);
});
