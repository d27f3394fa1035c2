import { encodeUtf8 } from "../../lib/base/mod.ts";
import type { SimEngine } from "../../lib/sim/mod.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../support/assert.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { completionText, eventsOf, post, startEngine } from "./support.ts";

const PATH = "/v1/completions";
const BODY = { prompt: "Tell me", max_tokens: 6, ignore_eos: true };
const JSON_HEADERS = { "content-type": "application/json" };
const STREAM = { ...BODY, stream: true };

/** What came before the connection ended, however it did. */
async function untilCut(engine: SimEngine, body: unknown): Promise<{ text: string; cut: boolean }> {
  const response = await fetch(engine.url + PATH, {
    method: "POST",
    headers: JSON_HEADERS,
    body: JSON.stringify(body),
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const next = await reader?.read();
      if (next === undefined || next.done) return { text, cut: false };
      text += next.value;
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { text, cut: true };
  }
}

Deno.test("dieBeforeAnswer closes the connection, so often as told", async () => {
  await using engine = await startEngine();
  engine.faults.dieBeforeAnswer = 2;
  for (let round = 0; round < 2; round++) {
    await assertRejects(() => post(engine, PATH, BODY), TypeError);
  }
  assertEquals((await post(engine, PATH, BODY)).status, 200);
  assertEquals(engine.stats().connectionsCut, 2);
});

for (const after of [0, 1, 3]) {
  Deno.test(`dieMidStream cuts the connection after ${after} events`, async () => {
    await using engine = await startEngine();
    Object.assign(engine.faults, { dieMidStream: 1, dieAfterEvents: after });
    const { text, cut } = await untilCut(engine, STREAM);
    assertEquals([eventsOf(text).length, cut], [after, true]);
    assertEquals((await untilCut(engine, STREAM)).cut, false);
    assertEquals(engine.stats().runningNow, 0);
  });
}

Deno.test("hangBeforeHead never answers and ends with the client", async () => {
  await using engine = await startEngine();
  engine.faults.hangBeforeHead = 1;
  const controller = new AbortController();
  const asked = post(engine, PATH, BODY, { signal: controller.signal }).then(
    () => "answered",
    () => "aborted",
  );
  await eventually(() => engine.faults.hangBeforeHead === 0, () => "the request");
  controller.abort();
  assertEquals(await asked, "aborted");
});

Deno.test("hangMidStream stops after so many events and keeps the connection", async () => {
  await using engine = await startEngine();
  Object.assign(engine.faults, { hangMidStream: true, hangAfterEvents: 2 });
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(engine.url).port),
  });
  const body = JSON.stringify(STREAM);
  await conn.write(
    encodeUtf8(`POST ${PATH} HTTP/1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  );
  const buffer = new Uint8Array(65536);
  let text = "";
  while (text.split("data: ").length < 3) {
    text += new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  }
  assertEquals(engine.stats().runningNow, 1);
  conn.close();
  await eventually(() => engine.stats().aborted === 1, () => "the abort");
  assertEquals(engine.stats().runningNow, 0);
});

Deno.test("errorAnswer answers its status in vLLM's shape", async () => {
  await using engine = await startEngine();
  for (const errorStatus of [400, 404, 429, 500, 503]) {
    Object.assign(engine.faults, { errorAnswer: 1, errorStatus });
    const { status, json } = await post(engine, PATH, BODY);
    assertEquals([status, json.error.code], [errorStatus, errorStatus]);
  }
});

Deno.test("badJson answers 200 with a body that is no JSON", async () => {
  await using engine = await startEngine();
  engine.faults.badJson = 1;
  const { status, json } = await post(engine, PATH, BODY);
  assertEquals([status, json], [200, undefined]);
});

Deno.test("loseAnswer and cutAnswer do the work and spoil the answer", async () => {
  await using engine = await startEngine();
  engine.faults.loseAnswer = 1;
  await assertRejects(() => post(engine, PATH, BODY), TypeError);
  assertEquals(engine.stats().finished, 1);
  engine.faults.cutAnswer = 1;
  const { text, cut } = await untilCut(engine, BODY);
  assert(cut && text.startsWith('{"id"') && !text.endsWith("}"), text);
});

Deno.test("errorEvent ends a stream with an error event and [DONE]", async () => {
  await using engine = await startEngine();
  Object.assign(engine.faults, { errorEvent: 1, errorAfterEvents: 2 });
  const events = eventsOf((await post(engine, PATH, STREAM)).text);
  assertEquals(events.length, 4);
  assertEquals(events[2].error.type, "InternalServerError");
  assertEquals(events[3], "[DONE]");
});

Deno.test("finishError ends a generation with that reason, whole and streamed", async () => {
  await using engine = await startEngine();
  Object.assign(engine.faults, { finishError: true, errorAfterEvents: 2 });
  const { status, json } = await post(engine, PATH, BODY);
  assertEquals([status, json.choices[0].finish_reason], [200, "error"]);
  assertEquals(json.usage.completion_tokens, 2);
  const events = eventsOf((await post(engine, PATH, STREAM)).text);
  assertEquals(events.at(-2).choices[0].finish_reason, "error");
});

Deno.test("sseComments come before every event", async () => {
  await using engine = await startEngine();
  const plain = eventsOf((await post(engine, PATH, STREAM)).text);
  engine.faults.sseComments = 1;
  const { text } = await post(engine, PATH, STREAM);
  assertStringIncludes(text, ": keep-alive\n\ndata: {");
  assertEquals(eventsOf(text).length, plain.length);
});

Deno.test("badEvent slips an event in that is no JSON", async () => {
  await using engine = await startEngine();
  Object.assign(engine.faults, { badEvent: 1, errorAfterEvents: 2 });
  const { text } = await post(engine, PATH, STREAM);
  const events = text.split("\n\n").filter((event) => event.startsWith("data: {"));
  const bad = events.filter((event) => !event.endsWith("}"));
  assertEquals([events.length, events.indexOf(bad[0] ?? "")], [7, 2]);
});

for (const splitBytes of ["byte", "random"] as const) {
  Deno.test(`splitBytes ${splitBytes} changes no byte of an answer`, async () => {
    await using engine = await startEngine();
    const body = { ...STREAM, prompt: "[[sim:say é世😀]]", max_tokens: 12, ignore_eos: false };
    const headers = { "x-request-id": "same" };
    const strip = (text: string): string => text.replaceAll(/"created":\d+/g, "");
    const plain = await post(engine, PATH, body, { headers });
    const whole = await post(engine, PATH, { ...body, stream: false }, { headers });
    engine.faults.splitBytes = splitBytes;
    const cut = await post(engine, PATH, body, { headers });
    assertEquals(strip(cut.text), strip(plain.text));
    assertEquals(completionText(eventsOf(cut.text).slice(0, -1)), "é世😀");
    const cutWhole = await post(engine, PATH, { ...body, stream: false }, { headers });
    assertEquals(strip(cutWhole.text), strip(whole.text));
  });
}

/** How many reads a stream takes; each write is at least one chunk of HTTP. */
async function httpChunks(engine: SimEngine): Promise<number> {
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(engine.url).port),
  });
  const body = JSON.stringify(STREAM);
  await conn.write(
    encodeUtf8(`POST ${PATH} HTTP/1.1\r\ncontent-length: ${body.length}\r\n\r\n${body}`),
  );
  const buffer = new Uint8Array(65536);
  let text = "";
  while (!text.endsWith("\r\n0\r\n\r\n")) {
    text += new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  }
  conn.close();
  return text.split(/\r\n[0-9a-f]+\r\n/).length - 2;
}

Deno.test("coalesceEvents says how many events share a write", async () => {
  await using engine = await startEngine({ eventsPerWrite: 1 });
  assertEquals(await httpChunks(engine), 7);
  engine.faults.coalesceEvents = 100;
  assertEquals(await httpChunks(engine), 1);
});

Deno.test("faults with paths strike there and nowhere else", async () => {
  await using engine = await startEngine();
  Object.assign(engine.faults, { dieMidStream: true, paths: ["/v1/chat/completions"] });
  assertEquals((await untilCut(engine, STREAM)).cut, false);
  engine.faults.dieMidStream = false;
  Object.assign(engine.faults, { errorAnswer: true, paths: ["/tokenize", "/v1/chat/completions"] });
  assertEquals((await post(engine, PATH, BODY)).status, 200);
  assertEquals((await post(engine, "/tokenize", { prompt: "x" })).status, 500);
  engine.faults.paths = [];
  assertEquals((await post(engine, "/tokenize", { prompt: "x" })).status, 200);
  assertEquals((await post(engine, PATH, BODY)).status, 500);
});

Deno.test("a client that leaves mid-stream is counted and its tokens stop", async () => {
  const clock = new FakeClock();
  await using engine = await startEngine({ itlMs: 5 }, clock);
  const controller = new AbortController();
  const response = await fetch(engine.url + PATH, {
    method: "POST",
    headers: JSON_HEADERS,
    body: JSON.stringify({ ...STREAM, max_tokens: 10_000 }),
    signal: controller.signal,
  });
  await response.body?.getReader().read();
  controller.abort();
  await eventually(() => engine.stats().aborted === 1, () => "the abort");
  const stats = engine.stats();
  assertEquals([stats.runningNow, stats.finished, clock.pending], [0, 0, 0]);
  assertEquals(stats.generationTokens, 1);
});

Deno.test("a client that leaves while it waits for a place is counted", async () => {
  await using engine = await startEngine({ maxNumSeqs: 1, itlMs: 60_000 });
  const first = new AbortController();
  const second = new AbortController();
  const ask = (signal: AbortSignal): Promise<string> =>
    post(engine, PATH, BODY, { signal }).then(() => "answered", () => "aborted");
  const running = ask(first.signal);
  await eventually(() => engine.stats().runningNow === 1);
  const waiting = ask(second.signal);
  await eventually(() => engine.stats().waitingNow === 1);
  second.abort();
  await eventually(() => engine.stats().aborted === 1);
  assertEquals(engine.stats().waitingNow, 0);
  first.abort();
  assertEquals(await Promise.all([running, waiting]), ["aborted", "aborted"]);
  await eventually(() => engine.stats().aborted === 2);
});

Deno.test("frozen answers nothing at all until it is taken back, and then what was asked", async () => {
  await using engine = await startEngine();
  engine.faults.frozen = true;
  const asked = ["/health", "/v1/models"].map((path) => fetch(engine.url + path));
  const early = await Promise.race([
    Promise.any(asked),
    new Promise<"nothing">((resolve) => setTimeout(() => resolve("nothing"), 100)),
  ]);
  assertEquals(early, "nothing");
  engine.faults.frozen = false;
  for (const answer of await Promise.all(asked)) {
    assertEquals(answer.status, 200);
    await answer.body?.cancel();
  }
});

Deno.test("frozen for one request never answers that one", async () => {
  await using engine = await startEngine();
  engine.faults.frozen = 1;
  const gone = new AbortController();
  const asked = fetch(`${engine.url}/health`, { signal: gone.signal });
  await eventually(() => engine.faults.frozen === 0, () => "the request");
  const other = await fetch(`${engine.url}/health`);
  assertEquals(other.status, 200);
  await other.body?.cancel();
  gone.abort();
  await assertRejects(() => asked, DOMException);
});
