import { concatBytes, decodeUtf8, encodeUtf8, RouterError } from "../../lib/base/mod.ts";
import { withCachedTokens } from "../../lib/handoff/cached_tokens.ts";
import { asUsage, type Usage } from "../../lib/openai/mod.ts";
import type { Answer, ByteSource } from "../../lib/request/mod.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { allCuts } from "../support/cuts.ts";
import { FakeBody } from "../support/fake_body.ts";
import { settle } from "../support/fake_clock.ts";
import { data, event } from "../support/scripted_pair.ts";

function usageOf(cached: unknown): Usage | undefined {
  return asUsage({
    prompt_tokens: 9,
    completion_tokens: 1,
    total_tokens: 10,
    prompt_tokens_details: { cached_tokens: cached },
  });
}

const PREFILL = usageOf(2);

function answerOf(body: Answer["body"]): Answer {
  return { status: 200, headers: [["x-a", "b"]], body };
}

function reported(cached: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    usage: { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: cached }, n: 1 },
    ...more,
  };
}

function sourceOf({ body }: Answer): ByteSource {
  assert(!(body instanceof Uint8Array), "a source");
  return body;
}

async function textOf(answer: Answer): Promise<string> {
  const source = sourceOf(answer);
  const parts: Uint8Array[] = [];
  for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
    assert(bytes.length > 0, "no empty read");
    parts.push(bytes.slice());
  }
  return decodeUtf8(concatBytes(parts));
}

/** A stream whose text quotes the field, at its end the usage. */
const QUOTING = event(' "cached_tokens": 5, \u4e16');

function stream(cached: number): string {
  return [
    QUOTING,
    ": a comment\n\n",
    event(" b", { finish_reason: "stop" }),
    data({ choices: [], ...reported(cached) }),
    data("[DONE]"),
  ].join("");
}

Deno.test("withCachedTokens() corrects the count in a stream, at any cut", async () => {
  for (const { name, pieces } of allCuts(encodeUtf8(stream(8)))) {
    const body = new FakeBody();
    body.sendBytes(pieces);
    body.end();
    const answer = withCachedTokens(answerOf(body), PREFILL);
    assertEquals([answer.status, answer.headers], [200, [["x-a", "b"]]]);
    assertEquals(await textOf(answer), stream(2), name);
  }
});

Deno.test("withCachedTokens() corrects the count of each report of a stream", async () => {
  const running = (cached: number): string =>
    data({ choices: [{ text: "a" }], ...reported(cached) }) +
    data({ choices: [], ...reported(cached) });
  for (const { name, pieces } of allCuts(encodeUtf8(running(8)), 20)) {
    const body = new FakeBody();
    body.sendBytes(pieces);
    body.end();
    assertEquals(await textOf(withCachedTokens(answerOf(body), PREFILL)), running(2), name);
  }
});

Deno.test("withCachedTokens() corrects the count in an answer that comes whole", async () => {
  const text = (cached: number): string =>
    JSON.stringify({ choices: [{ text: '"cached_tokens": 5' }], ...reported(cached, { z: 1 }) });
  const { body } = withCachedTokens(answerOf(encodeUtf8(text(8))), PREFILL);
  assertEquals(body instanceof Uint8Array && decodeUtf8(body), text(2));
  for (const { name, pieces } of allCuts(encodeUtf8(text(8)), 20)) {
    const source = new FakeBody();
    source.sendBytes(pieces);
    source.end();
    assertEquals(await textOf(withCachedTokens(answerOf(source), PREFILL)), text(2), name);
  }
});

const WRITTEN: readonly (readonly [text: string, corrected: string])[] = [
  ['{"usage":{"cached_tokens" :\t 8 }}', '{"usage":{"cached_tokens" :\t 2 }}'],
  [
    '{"a":{"cached_tokens":7},"usage":{"cached_tokens":8}}',
    '{"a":{"cached_tokens":7},"usage":{"cached_tokens":2}}',
  ],
  ['{"usage":{"cached_tokens":null}}', '{"usage":{"cached_tokens":null}}'],
  ['{"usage":{"cached_token":8}}', '{"usage":{"cached_token":8}}'],
  ['"cached_tokens', '"cached_tokens'],
  ["", ""],
];

for (const [text, corrected] of WRITTEN) {
  Deno.test(`withCachedTokens() reads ${JSON.stringify(text)}`, () => {
    const { body } = withCachedTokens(answerOf(encodeUtf8(text)), PREFILL);
    assertEquals(body instanceof Uint8Array && decodeUtf8(body), corrected);
  });
}

Deno.test("withCachedTokens() leaves an answer as it is where the prefill told no count", () => {
  const answer = answerOf(new FakeBody());
  const usages = [undefined, usageOf(undefined), usageOf("2"), usageOf(null)];
  const { prompt_tokens_details: _none, ...plain } = PREFILL ?? {};
  for (
    const usage of [...usages, asUsage(plain), asUsage({ ...plain, prompt_tokens_details: null })]
  ) {
    assert(withCachedTokens(answer, usage) === answer);
  }
});

Deno.test("withCachedTokens() gives each line as soon as it is whole", async () => {
  const body = new FakeBody();
  const source = sourceOf(withCachedTokens(answerOf(body), PREFILL));
  body.send("data: a\n\ndata: b");
  assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), "data: a\n\n");
  let told: string | undefined;
  const reading = source.read().then((bytes) => told = decodeUtf8(bytes ?? new Uint8Array(0)));
  await settle();
  assertEquals(told, undefined, "half a line waits for the other half");
  body.send("c\n");
  await reading;
  assertEquals(told, "data: bc\n");
});

Deno.test("withCachedTokens() asks for a prefill's count when it is met, and not before", async () => {
  const asked: string[] = [];
  const prefill: { usage?: Usage | undefined } = {};
  const body = new FakeBody();
  const source = sourceOf(withCachedTokens(answerOf(body), () => {
    asked.push("asked");
    return prefill.usage;
  }));
  body.send(QUOTING);
  assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), QUOTING);
  assertEquals(asked, [], "a text that quotes the field is none");
  prefill.usage = PREFILL;
  body.send(data(reported(8)));
  assertEquals(decodeUtf8(await source.read() ?? new Uint8Array(0)), data(reported(2)));
  assertEquals(asked, ["asked"]);
});

Deno.test("withCachedTokens() leaves the count of a prefill that is still under way", async () => {
  const none = (): Usage | undefined => undefined;
  assertEquals(
    await textOf(withCachedTokens(answerOf(new FakeBody([stream(8)])), none)),
    stream(8),
  );
  const whole = encodeUtf8(JSON.stringify(reported(8)));
  assert(withCachedTokens(answerOf(whole), none).body === whole);
});

Deno.test("withCachedTokens() passes on what becomes of its source", async () => {
  const body = new FakeBody();
  const source = sourceOf(withCachedTokens(answerOf(body), PREFILL));
  assertEquals(source.failure, undefined);
  body.failure = new RouterError("decode-failed", "told");
  assertEquals(source.failure, body.failure);
  body.send("data: half");
  body.break(new RouterError("upstream-protocol", "cut"));
  await assertRejects(() => source.read(), RouterError, "cut");
  source.cancel();
  assert(body.cancelled);
});

Deno.test("withCachedTokens() does not gather a line without end", async () => {
  const body = new FakeBody();
  const source = sourceOf(withCachedTokens(answerOf(body), PREFILL));
  const piece = new Uint8Array(3 * 1024 * 1024).fill(0x61);
  const sent = 12;
  for (let at = 0; at < sent; at++) body.sendBytes([piece]);
  body.send(`\n${data(reported(8))}`);
  body.end();
  let length = 0;
  let reads = 0;
  let last = "";
  for (let bytes = await source.read(); bytes !== undefined; bytes = await source.read()) {
    length += bytes.length;
    reads++;
    last = decodeUtf8(bytes.slice(-data(reported(2)).length));
  }
  assertEquals(length, sent * piece.length + `\n${data(reported(2))}`.length, "nothing is lost");
  assert(reads > 2, `given on in ${reads} reads`);
  assertEquals(last, data(reported(2)), "and the lines behind it are looked into");
});

Deno.test("withCachedTokens() corrects the count at the end of a very long line, at any cut", async () => {
  const text = (cached: number): string =>
    JSON.stringify({ choices: [{ text: "x".repeat(700_000) }], ...reported(cached), z: 1 });
  const bytes = encodeUtf8(text(8));
  const count = text(8).indexOf('"cached_tokens"');
  for (let cut = count - 4; cut < count + 24; cut++) {
    for (const size of [65_536, bytes.length]) {
      const body = new FakeBody();
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < cut; at += size) pieces.push(bytes.slice(at, Math.min(at + size, cut)));
      body.sendBytes([...pieces, bytes.slice(cut)]);
      body.end();
      assertEquals(await textOf(withCachedTokens(answerOf(body), PREFILL)) === text(2), true);
    }
  }
});

Deno.test("withCachedTokens() corrects a count that much follows", async () => {
  const text = (cached: number): string =>
    JSON.stringify({ ...reported(cached), prompt_token_ids: "1234567,".repeat(60_000) });
  for (const size of [65_536, 1_000_000]) {
    const body = new FakeBody();
    const bytes = encodeUtf8(text(8));
    for (let at = 0; at < bytes.length; at += size) body.sendBytes([bytes.slice(at, at + size)]);
    body.end();
    assertEquals(await textOf(withCachedTokens(answerOf(body), PREFILL)) === text(2), true);
  }
});

Deno.test("withCachedTokens() passes over each byte of a long line a few times, however it comes", async () => {
  // Every byte is a quote: a search has to look at it.
  const bytes = new Uint8Array(2 * 1024 * 1024).fill(0x22);
  const body = new FakeBody();
  for (let at = 0; at < bytes.length; at += 100) body.sendBytes([bytes.slice(at, at + 100)]);
  body.end();
  const source = sourceOf(withCachedTokens(answerOf(body), PREFILL));
  let length = 0;
  let most = 0;
  for (let some = await source.read(); some; some = await source.read()) {
    length += some.length;
    most = Math.max(most, some.length);
  }
  assertEquals(length, bytes.length);
  assert(most <= 256 * 1024 + 100, `${most} bytes at once`);
});
