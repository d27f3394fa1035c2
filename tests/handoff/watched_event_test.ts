import { concatBytes, decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import { type WatchedEvent, watchedEvent } from "../../lib/handoff/watched_event.ts";
import { assert, assertEquals } from "../support/assert.ts";

async function look(value: unknown, tokenIds = false): Promise<WatchedEvent> {
  const data = encodeUtf8(typeof value === "string" ? value : JSON.stringify(value));
  const event = await watchedEvent(data, { tokenIds, logprobs: true, breather: undefined });
  assert(event);
  return event;
}

function outOf({ out }: WatchedEvent): unknown {
  return JSON.parse(decodeUtf8(concatBytes(out)));
}

Deno.test("watchedEvent() reads ids, text and end of both forms", async () => {
  const completion = { index: 0, text: " a", finish_reason: "stop", token_ids: [5] };
  const delta = { role: "assistant", content: " a" };
  const chat = { index: 0, delta, finish_reason: "stop", token_ids: [5] };
  for (const choice of [completion, chat]) {
    const event = await look({ id: "i", choices: [choice], usage: null });
    const { tokenIds, text, finishReason, more, usageOnly } = event;
    assertEquals([tokenIds, text, finishReason, more], [[5], " a", "stop", false]);
    assertEquals([usageOnly, event.envelope], [false, { id: "i", usage: null }]);
    assertEquals(outOf(event), { id: "i", choices: [{ ...choice, token_ids: null }], usage: null });
  }
});

Deno.test("watchedEvent() leaves ids to clients that ask for them", async () => {
  const value = { choices: [{ index: 0, text: "a", token_ids: [5] }] };
  assertEquals(outOf(await look(value, true)), value);
});

Deno.test("watchedEvent() finds the prompt's ids where either form has them", async () => {
  const inside = await look({ choices: [{ index: 0, text: "", prompt_token_ids: [1, 2] }] });
  const beside = await look({ choices: [{ index: 0, delta: {} }], prompt_token_ids: [1, 2] });
  for (const { promptIds } of [inside, beside]) {
    assertEquals(promptIds && decodeUtf8(promptIds), "[1,2]");
  }
  const odd = await look({ choices: [], prompt_token_ids: [1, "x"] });
  assertEquals(odd.promptIds, undefined);
});

Deno.test("watchedEvent() finds the ids of a long prompt, and takes them out", async () => {
  const ids = Array.from({ length: 100_000 }, (_, at) => at);
  const value = { choices: [{ index: 0, delta: { role: "assistant" } }], prompt_token_ids: ids };
  const event = await look(value);
  assertEquals(event.promptIds && decodeUtf8(event.promptIds), JSON.stringify(ids));
  assertEquals([event.more, outOf(event)], [false, { ...value, prompt_token_ids: null }]);
  assertEquals(outOf(await look(value, true)), value);
});

Deno.test("watchedEvent() says of a large text that there is more to it", async () => {
  const value = { choices: [{ index: 0, text: "x".repeat(300_000), token_ids: [1] }] };
  assertEquals((await look(value)).more, true);
});

Deno.test("watchedEvent() tells what text and ids alone do not say", async () => {
  const rows: readonly (readonly [unknown, boolean])[] = [
    [{ choices: [{ index: 0, delta: { content: null, reasoning: "hm" } }] }, true],
    [{ choices: [{ index: 0, delta: { reasoning_content: "hm" } }] }, true],
    [{ choices: [{ index: 0, delta: { tool_calls: [{ index: 0 }] } }] }, true],
    [{ choices: [{ index: 1, text: "a" }] }, true],
    [{ choices: [{ index: 0, text: "a" }, { index: 1, text: "b" }] }, true],
    [{ choices: [{ index: 0, delta: { content: "a", reasoning: null, tool_calls: [] } }] }, false],
    [{ choices: [], usage: { prompt_tokens: 1 } }, false],
  ];
  for (const [value, more] of rows) assertEquals((await look(value)).more, more);
  assertEquals((await look({ choices: [], usage: { prompt_tokens: 1 } })).usageOnly, true);
});

Deno.test("watchedEvent() knows nothing of what is no object", () => {
  for (const text of ["[]", "7", "{", "", '{"a":NaN}']) {
    const wish = { tokenIds: false, logprobs: false, breather: undefined };
    assertEquals(watchedEvent(encodeUtf8(text), wish), undefined, text);
  }
});
