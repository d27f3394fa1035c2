import { atOnce, encodeUtf8 } from "../../lib/base/mod.ts";
import { chunkingPrompt } from "../../lib/disagg/mod.ts";
import { JsonObject } from "../../lib/openai/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";

const RULES = { model: "m", chars: 4, most: 100 } as const;

function chunks(body: unknown, rules: Partial<typeof RULES> | Record<string, unknown> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return [...atOnce(chunkingPrompt(new JsonObject(encodeUtf8(text)), { ...RULES, ...rules }))];
}

Deno.test("chunkingPrompt() has a hash for every whole chunk, each of all the text up to it", () => {
  const all = chunks({ prompt: "abcdefghijkl" });
  assertEquals(all.length, 3);
  assertEquals(new Set(all).size, 3);
  assertEquals(chunks({ prompt: "abcdefghijk" }), all.slice(0, 2));
  assertEquals(chunks({ prompt: "abc" }), []);
  const other = chunks({ prompt: "abcdEfghijkl" });
  assertEquals(other[0], all[0]);
  // What differs in one chunk differs in all behind it.
  assert(other[1] !== all[1] && other[2] !== all[2]);
  assert(all.every((hash) => Number.isSafeInteger(hash) && hash >= 0));
});

Deno.test("chunkingPrompt() takes the texts of messages, joined by newlines, whatever else they hold", () => {
  const plain = chunks({ prompt: "system text\nquestion\nanswer" });
  assertEquals(
    chunks({
      messages: [
        { role: "system", content: "system text" },
        { content: [{ type: "text", text: "question" }, { type: "image_url", image_url: {} }] },
        { role: "assistant", tool_calls: [{ id: "text", text: "no" }], content: "answer" },
      ],
    }),
    plain,
  );
  assertEquals(chunks({ messages: [{ content: null }, 7, { text: "no, this is none" }] }), []);
  assertEquals(chunks({ messages: "abcdefgh" }), chunks({ prompt: "abcdefgh" }));
});

Deno.test("chunkingPrompt() goes on as a conversation does", () => {
  const turns = [{ role: "user", content: "a question of some length" }];
  const before = chunks({ messages: turns });
  const after = chunks({
    messages: [...turns, { role: "assistant", content: "words" }, { role: "user", content: "on" }],
  });
  assertEquals(after.slice(0, before.length), before);
  assert(after.length > before.length);
});

Deno.test("chunkingPrompt() counts characters, of which an escape is one", () => {
  assertEquals(chunks({ prompt: "ééééüüüü" }).length, 2);
  assertEquals(chunks('{"prompt":"\\u00e9\\n\\\\\\"abcd"}').length, 2);
  assertEquals(chunks('{"prompt":"\\u00e9\\n\\\\"}').length, 0);
});

Deno.test("chunkingPrompt() takes ids as they are written, and other fields of prompts before them", () => {
  assertEquals(chunks({ prompt: [11, 22, 33] }), chunks({ prompt: "11,22,33" }));
  assertEquals(
    chunks({ system: "be kind!", messages: [{ content: "hello, you" }] }),
    chunks({ prompt: "be kind!\nhello, you" }),
  );
  assertEquals(chunks({ model: "x", stream: true }), []);
});

Deno.test("chunkingPrompt() tells models apart, and looks no further than it is told", () => {
  const prompt = "abcdefgh".repeat(100);
  const [first] = chunks({ prompt });
  assert(first !== chunks({ prompt }, { model: "n" })[0]);
  assertEquals(chunks({ prompt }, { most: 5 }), chunks({ prompt }).slice(0, 5));
});

Deno.test("chunkingPrompt() works in steps of a few thousand characters", () => {
  const body = new JsonObject(encodeUtf8(JSON.stringify({ prompt: "x".repeat(1_000_000) })));
  const work = chunkingPrompt(body, { model: "m", chars: 128, most: 1_000_000 });
  let steps = 1;
  let step = work.next();
  for (; step.done !== true; step = work.next()) steps++;
  assertEquals(step.value.length, 7_812);
  assert(steps > 50, `${steps}`);
});
