import { type Budget, budgetOf } from "../../lib/disagg/mod.ts";
import type { AnswerForm } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { type Asked, generation } from "./support.ts";

const DIRECT: Budget = { kind: "direct" };

function tokens(maxTokens: number): Budget {
  return { kind: "tokens", maxTokens };
}

const BUDGETS: readonly (readonly [
  form: AnswerForm,
  asked: Asked,
  promptTokens: number,
  maxModelLen: number | undefined,
  budget: Budget,
])[] = [
  // vLLM's own limit of completions is 16; chat may fill the context.
  ["completions", {}, 10, undefined, tokens(16)],
  ["completions", {}, 10, 100, tokens(16)],
  ["completions", {}, 1, 100, tokens(16)],
  ["completions", {}, 84, 100, tokens(16)],
  ["completions", {}, 85, 100, DIRECT],
  ["completions", { max_tokens: null }, 10, 100, tokens(16)],
  ["chat", {}, 10, 100, tokens(90)],
  ["chat", {}, 99, 100, tokens(1)],
  ["chat", {}, 100, 100, DIRECT],
  ["chat", {}, 101, 100, DIRECT],
  ["chat", {}, 10, undefined, DIRECT],
  // What the client asks for.
  ["completions", { max_tokens: 1 }, 10, 100, tokens(1)],
  ["completions", { max_tokens: 90 }, 10, 100, tokens(90)],
  ["completions", { max_tokens: 91 }, 10, 100, DIRECT],
  ["completions", { max_tokens: 91 }, 10, undefined, tokens(91)],
  ["completions", { max_completion_tokens: 5 }, 10, 100, tokens(16)],
  ["chat", { max_tokens: 7 }, 10, 100, tokens(7)],
  ["chat", { max_completion_tokens: 5 }, 10, 100, tokens(5)],
  ["chat", { max_completion_tokens: 5, max_tokens: 7 }, 10, 100, tokens(5)],
  ["chat", { max_completion_tokens: null, max_tokens: 7 }, 10, 100, tokens(7)],
  ["chat", { max_tokens: 91 }, 10, 100, DIRECT],
  ["chat", { max_tokens: 7 }, 10, undefined, tokens(7)],
  // A least number that the limit, or the room, does not reach: engines refuse it.
  ["completions", { min_tokens: 16 }, 10, 100, tokens(16)],
  ["completions", { min_tokens: 17 }, 10, 100, DIRECT],
  ["completions", { min_tokens: 17 }, 10, undefined, DIRECT],
  ["chat", { min_tokens: 90 }, 10, 100, tokens(90)],
  ["chat", { min_tokens: 91 }, 10, 100, DIRECT],
  // A prompt of nothing.
  ["completions", {}, 0, 100, DIRECT],
  ["chat", { max_tokens: 7 }, 0, undefined, DIRECT],
];

for (const [form, asked, promptTokens, maxModelLen, budget] of BUDGETS) {
  const name = `${form} ${JSON.stringify(asked)} with ${promptTokens} of ${maxModelLen ?? "?"}`;
  Deno.test(`budgetOf() reckons ${name}`, () => {
    assertEquals(budgetOf(generation(form, asked), promptTokens, maxModelLen), budget);
  });
}
