import { promptTokensOf } from "../../lib/disagg/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { generation } from "./support.ts";

Deno.test("promptTokensOf() counts ids, whatever they are", () => {
  assertEquals(promptTokensOf(generation("completions", { prompt: [1, 22_222, 3] })), 3);
});

Deno.test("promptTokensOf() says about how many tokens text has, on whatever endpoint", () => {
  const text = "word ".repeat(300);
  const cases = [
    generation("completions", { prompt: text }),
    generation("chat", { messages: [{ role: "user", content: text }] }),
    generation("responses", { input: text }),
    generation("messages", { system: text, messages: [] }),
  ];
  for (const request of cases) {
    const tokens = promptTokensOf(request);
    assert(tokens >= 500 && tokens < 600, `${tokens} tokens on ${request.form}`);
  }
});

Deno.test("promptTokensOf() is 1 at least", () => {
  assertEquals(promptTokensOf(generation("completions", { prompt: "" })), 1);
});
