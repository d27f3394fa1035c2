import { atOnce, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import {
  type CompletionChunk,
  CompletionChunkReader,
  type CompletionEvent,
  type LargeEvent,
  SMALL_JSON_BYTES,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";

const MIB = 1024 * 1024;

const IDS = Array.from({ length: 60_000 }, (_, at) => 100_000 + at);
const LONG = `a "quote", a \\ and \u4e16 `.repeat(20_000);

function eventOf(choice: Record<string, unknown>, more: Record<string, unknown> = {}): Uint8Array {
  const choices = [{ index: 0, text: "a", logprobs: null, finish_reason: null, ...choice }];
  return encodeUtf8(JSON.stringify({ id: "c", model: "m", choices, ...more }));
}

function readLarge(data: Uint8Array): LargeEvent {
  assert(data.length > SMALL_JSON_BYTES, "large");
  return atOnce(new CompletionChunkReader().readLarge(data));
}

function chunkOf({ event }: { readonly event: CompletionEvent }): CompletionChunk {
  assert(event.kind === "chunk", event.kind);
  return event.chunk;
}

Deno.test("CompletionChunkReader reads a large event without the ids of its prompt", () => {
  for (const top of [false, true]) {
    const ids = { prompt_token_ids: IDS };
    const large = readLarge(top ? eventOf({}, ids) : eventOf(ids));
    const told = { prompt_token_ids: null };
    const small = new CompletionChunkReader().read(top ? eventOf({}, told) : eventOf(told));
    assertEquals(chunkOf(large), chunkOf({ event: small }));
    assert(large.data.length < 1024);
  }
});

Deno.test("CompletionChunkReader hands a large text on as it stands", () => {
  const data = eventOf({ text: LONG, prompt_token_ids: IDS, finish_reason: "stop" });
  const { rawText, ...chunk } = chunkOf(readLarge(data));
  assertEquals(JSON.parse(`"${decodeUtf8(rawText ?? new Uint8Array(0))}"`), LONG);
  assertEquals(rawText?.buffer, data.buffer, "a view");
  const small = chunkOf({
    event: new CompletionChunkReader().read(
      eventOf({ text: "", prompt_token_ids: null, finish_reason: "stop" }),
    ),
  });
  assertEquals(chunk, small);
});

Deno.test("CompletionChunkReader hands a large text on that stands between spaces", () => {
  const text = JSON.stringify(LONG);
  const data = encodeUtf8(`{"choices":[{"text" :  ${text}  ,"finish_reason":null}]}`);
  assertEquals(
    decodeUtf8(chunkOf(readLarge(data)).rawText ?? new Uint8Array(0)),
    text.slice(1, -1),
  );
});

Deno.test("CompletionChunkReader parses what else is large, up to a limit", () => {
  const entry = { " token": -0.5, " other": -1.25 };
  const logprobs = (count: number): Record<string, unknown> => ({
    tokens: Array.from({ length: count }, () => " token"),
    top_logprobs: Array.from({ length: count }, () => entry),
  });
  const large = readLarge(eventOf({ logprobs: logprobs(8_000), token_ids: IDS.slice(0, 8_000) }));
  assertEquals(chunkOf(large).choice?.["logprobs"], logprobs(8_000));
  assertEquals(chunkOf(large).tokenIds.length, 8_000);
  assertEquals(JSON.parse(decodeUtf8(large.data)).choices[0].logprobs.tokens.length, 8_000);
  const { event } = readLarge(eventOf({ logprobs: logprobs(40_000) }));
  assert(event.kind === "malformed");
  assertStringIncludes(event.problem, `'logprobs' is beyond ${MIB} bytes`);
});

const MALFORMED: readonly (readonly [name: string, json: string, problem: string])[] = [
  ["is cut", `{"choices":[{"text":"${LONG.slice(0, 10)}${"x".repeat(MIB)}`, "Unterminated"],
  ["is a list", `[${"1,".repeat(200_000)}1]`, "Expected an object"],
  ["has small values without end", `{"choices":[${"{},".repeat(200_000)}{}]}`, "small values"],
  ["has no JSON around its text", `{"choices":[{"text":"${"x".repeat(MIB)}",}]}`, "invalid JSON"],
];

for (const [name, json, problem] of MALFORMED) {
  Deno.test(`CompletionChunkReader takes no large event that ${name}`, () => {
    const { event } = readLarge(encodeUtf8(json));
    assert(event.kind === "malformed", event.kind);
    assertStringIncludes(event.problem, problem);
  });
}

Deno.test("CompletionChunkReader reads a large error as an error", () => {
  const data = encodeUtf8(JSON.stringify({ error: { code: 500 }, details: "x".repeat(MIB / 2) }));
  assertEquals(readLarge(data).event, { kind: "error", error: { code: 500 } });
});
