import { atOnce, concatBytes, decodeUtf8, encodeUtf8, STEP_BYTES } from "../../lib/base/mod.ts";
import {
  EventMerger,
  type MergedEvent,
  mergeWhole,
  merging,
  SMALL_JSON_BYTES,
} from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const IDENTITY = { id: "cmpl-all", created: 9 };
const LONG = `say "hi" \\ \u4e16 `.repeat(25_000);

/** An echoed prompt, with its log-probabilities, as one event or one answer has it. */
function echoOf(index: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  const logprobs = { tokens: Array.from({ length: 40_000 }, () => " t"), token_logprobs: [null] };
  return {
    id: "cmpl-one",
    created: 1,
    model: "m",
    choices: [{ index, text: LONG, logprobs, finish_reason: "stop" }],
    ...more,
  };
}

function readLarge(value: unknown, space?: number): MergedEvent {
  const data = encodeUtf8(JSON.stringify(value, null, space));
  assert(data.length > SMALL_JSON_BYTES);
  return atOnce(new EventMerger(2, 3, IDENTITY).readLarge(data));
}

Deno.test("EventMerger rewrites a large event as it does a small one", () => {
  for (const space of [undefined, 1]) {
    const event = readLarge(echoOf(1), space);
    assert(event.kind === "pass", event.kind);
    const text = decodeUtf8(concatBytes(event.data));
    assertEquals(text.includes("\n"), false, "an event's data is one line");
    const expected = { ...echoOf(7), ...IDENTITY };
    const { choices, ...envelope } = JSON.parse(text);
    assertEquals({ ...envelope, choices }, expected);
  }
});

Deno.test("EventMerger does not copy what is large in an event", () => {
  const data = encodeUtf8(JSON.stringify(echoOf(0)));
  const event = atOnce(new EventMerger(0, 1, IDENTITY).readLarge(data));
  assert(event.kind === "pass");
  const views = event.data.filter(({ buffer }) => buffer === data.buffer);
  assert(views.reduce((sum, { length }) => sum + length, 0) > data.length - 1024);
});

Deno.test("EventMerger tells a large event that is none from one that fails", () => {
  const [filler] = ["x".repeat(SMALL_JSON_BYTES)];
  assertEquals(readLarge({ choices: 7, filler }).kind, "malformed");
  assertEquals(readLarge([filler]).kind, "malformed");
  const error = readLarge({ error: { message: "boom" }, filler });
  assertEquals(error.kind, "error");
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const told = readLarge({ choices: [], usage, filler });
  assertEquals(told.kind === "usage" && told.usage, usage);
});

Deno.test("EventMerger keeps a usage event when the bytes it came in are no more", () => {
  const data = encodeUtf8('{"choices":[],"usage":{"prompt_tokens":1,"total_tokens":3},"x":1}');
  const event = new EventMerger(0, 1, IDENTITY).read(data);
  data.fill(0);
  assert(event.kind === "usage");
  assertEquals(event.body.value("x"), 1);
});

Deno.test("merging() puts large answers together as it does small ones", () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
  const parts = [0, 1, 2].map((at) =>
    encodeUtf8(
      JSON.stringify(
        at === 1 ? { choices: [{ text: "b" }], usage } : echoOf(0, { usage, z: LONG }),
      ),
    )
  );
  const merged = JSON.parse(decodeUtf8(concatBytes(atOnce(merging(parts, IDENTITY, 1)))));
  assertEquals(
    merged.choices.map(({ index, text }: { index: number; text: string }) => [index, text.length]),
    [[0, LONG.length], [1, 1], [2, LONG.length]],
  );
  assertEquals([merged.id, merged.created, merged.z], [IDENTITY.id, IDENTITY.created, LONG]);
  assertEquals(merged.usage, { prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 });
  assertEquals(JSON.parse(decodeUtf8(mergeWhole(parts, IDENTITY, 1))), merged);
});

Deno.test("merging() rests between steps, be it of small answers", () => {
  const part = encodeUtf8(JSON.stringify({ choices: [{ text: "x".repeat(50_000) }] }));
  const parts = Array.from({ length: 40 }, () => part);
  let turns = 0;
  for (const work = merging(parts, IDENTITY, 1); work.next().done !== true;) turns++;
  assert(turns >= Math.floor(40 * part.length / (STEP_BYTES + part.length)), `${turns} turns`);
});

Deno.test("merging() takes the text of no answer for another's", () => {
  // What would stand for a large value of an answer that has one.
  const odd = '{"choices":[{"text":"\\u0000\\u0000aside 0"}]}';
  const parts = [encodeUtf8(JSON.stringify(echoOf(0))), encodeUtf8(odd)];
  const merged = JSON.parse(decodeUtf8(mergeWhole(parts, IDENTITY, 1)));
  assertEquals(merged.choices[1].text, "\0\0aside 0");
});

Deno.test("merging() refuses what is no answer", () => {
  const none = encodeUtf8(`[${"1,".repeat(200_000)}1]`);
  assertThrows(() => mergeWhole([none], IDENTITY, 1), Error, "is not a JSON object");
  assertThrows(() => mergeWhole([], IDENTITY, 1), Error, "is missing");
});
