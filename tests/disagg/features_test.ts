import { type DirectReason, FEATURES, obstacle } from "../../lib/disagg/mod.ts";
import type { AnswerForm } from "../../lib/openai/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { type Asked, generation } from "./support.ts";

type Row = readonly [
  form: AnswerForm,
  asked: Asked,
  p1: DirectReason | undefined,
  d1: DirectReason | undefined,
];

/** A request whose reason is the same in both modes. */
function both(form: AnswerForm, asked: Asked, reason: DirectReason | undefined): Row {
  return [form, asked, reason, reason];
}

/** A request that only mode P1 cannot carry. */
function p1Only(form: AnswerForm, asked: Asked, reason: DirectReason): Row {
  return [form, asked, reason, undefined];
}

const SCHEMA = { type: "json_schema", json_schema: { name: "s", schema: {} } };
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];
const IMAGE = { type: "image_url", image_url: { url: "data:," } };

function saying(...content: unknown[]): Asked {
  return { messages: [{ role: "user", content: "hi" }, { role: "user", content }] };
}

const ROWS: readonly Row[] = [
  // Nothing out of the ordinary.
  both("completions", {}, undefined),
  both("chat", {}, undefined),
  both("completions", { prompt: [1, 2, 3] }, undefined),
  both("completions", { prompt: ["one"] }, undefined),
  both("chat", saying({ type: "text", text: "hi" }), undefined),
  both("chat", {
    temperature: 0.5,
    seed: 1,
    stop: ["END"],
    min_tokens: 2,
    ignore_eos: true,
    presence_penalty: 1,
    logit_bias: { "5": 1 },
    unknown: { a: 1 },
  }, undefined),
  // What absent, null and empty values ask for: nothing.
  both("chat", { n: null, tools: null, response_format: null, logprobs: null }, undefined),
  both("chat", { tools: [], functions: [], documents: [], modalities: [] }, undefined),
  both("chat", { logprobs: false, top_logprobs: 0, echo: false, n: 1, best_of: 1 }, undefined),
  both("chat", { structured_outputs: {}, guided_json: {}, guided_regex: "" }, undefined),
  both("chat", { reasoning_effort: null, include_reasoning: null }, undefined),
  both("completions", { echo: false, suffix: "", use_beam_search: false }, undefined),
  both("completions", { logprobs: null, prompt_logprobs: null }, undefined),
  both("completions", { return_token_ids: false, truncate_prompt_tokens: null }, undefined),

  // Malformed.
  both("completions", { max_tokens: 0 }, "malformed"),
  both("completions", { max_tokens: "5" }, "malformed"),
  both("completions", { min_tokens: -1 }, "malformed"),
  both("completions", { min_tokens: 5, max_tokens: 4 }, "malformed"),
  both("completions", { stop: [1] }, "malformed"),
  both("completions", { stream_options: {} }, "malformed"),
  both("completions", { stream: true, stream_options: 1 }, "malformed"),
  both("completions", { prompt: null }, "malformed"),
  both("completions", { prompt: "" }, "malformed"),
  both("completions", { prompt: [] }, "malformed"),
  both("completions", { prompt: [1.5] }, "malformed"),
  both("completions", '{"model":"m"}', "malformed"),
  both("chat", '{"model":"m"}', "malformed"),
  both("chat", { messages: "hi" }, "malformed"),
  both("chat", { max_completion_tokens: 0 }, "malformed"),

  // Several samples.
  both("completions", { n: 2 }, "n"),
  both("chat", { n: 2 }, "n"),
  both("chat", { n: "1" }, "n"),
  both("completions", { best_of: 2 }, "n"),
  both("completions", { n: 0 }, "n"),

  // Neither mode.
  both("completions", { use_beam_search: true }, "beam_search"),
  both("chat", { use_beam_search: true }, "beam_search"),
  both("completions", { echo: true }, "echo"),
  both("chat", { echo: true }, "echo"),
  both("completions", { suffix: "end" }, "suffix"),
  both("completions", { prompt_logprobs: 0 }, "prompt_logprobs"),
  both("chat", { prompt_logprobs: 1 }, "prompt_logprobs"),
  both("completions", { prompt_embeds: "AAAA" }, "prompt_embeds"),
  both("completions", { prompt: ["one", "two"] }, "several_prompts"),
  both("completions", { prompt: [[1, 2], [3]] }, "several_prompts"),

  // Tools: a forced call does not fit the prefill leg's one token.
  both("chat", { tools: TOOLS, tool_choice: "required" }, "tools"),
  both("chat", {
    tools: TOOLS,
    tool_choice: { type: "function", function: { name: "f" } },
  }, "tools"),
  p1Only("chat", { tools: TOOLS }, "tools"),
  p1Only("chat", { tools: TOOLS, tool_choice: "auto" }, "tools"),
  p1Only("chat", { tools: TOOLS, tool_choice: "none" }, "tools"),
  p1Only("chat", { functions: [{ name: "f" }] }, "tools"),
  p1Only("chat", { function_call: "auto" }, "tools"),

  // Structured output.
  p1Only("chat", { response_format: SCHEMA }, "structured_output"),
  p1Only("chat", { response_format: { type: "json_object" } }, "structured_output"),
  p1Only("completions", { response_format: { type: "json_object" } }, "structured_output"),
  p1Only("chat", { response_format: {} }, "structured_output"),
  p1Only("chat", { response_format: "json" }, "structured_output"),
  both("chat", { response_format: { type: "text" } }, undefined),
  p1Only("completions", { structured_outputs: { regex: "a" } }, "structured_output"),
  p1Only("completions", { guided_json: { type: "object" } }, "structured_output"),
  p1Only("completions", { guided_json: "{}" }, "structured_output"),
  p1Only("completions", { guided_regex: "a" }, "structured_output"),
  p1Only("completions", { guided_choice: ["a"] }, "structured_output"),
  p1Only("completions", { guided_grammar: "g" }, "structured_output"),
  p1Only("completions", { structural_tag: "t" }, "structured_output"),

  // Log probabilities: a number in completions, where 0 asks too, and a flag in chat.
  p1Only("completions", { logprobs: 0 }, "logprobs"),
  p1Only("completions", { logprobs: 5 }, "logprobs"),
  p1Only("chat", { logprobs: true }, "logprobs"),
  p1Only("chat", { top_logprobs: 2 }, "logprobs"),
  p1Only("chat", { logprobs: true, top_logprobs: 2 }, "logprobs"),

  // Media.
  p1Only("chat", { modalities: ["text", "audio"] }, "multimodal"),
  p1Only("chat", { audio: { voice: "v" } }, "multimodal"),
  p1Only("chat", saying(IMAGE), "multimodal"),
  p1Only("chat", saying({ type: "text", text: "what is it" }, IMAGE), "multimodal"),

  // What changes the prompt in a way that `/tokenize` does not know.
  p1Only("chat", { documents: [{ title: "t" }] }, "documents"),
  p1Only("chat", { reasoning_effort: "low" }, "reasoning"),
  p1Only("chat", { reasoning: { effort: "low" } }, "reasoning"),
  p1Only("chat", { include_reasoning: false }, "reasoning"),
  p1Only("chat", { thinking_token_budget: 0 }, "reasoning"),
  p1Only("completions", { return_token_ids: true }, "return_token_ids"),
  p1Only("completions", { return_tokens_as_token_ids: true }, "return_token_ids"),
  p1Only("completions", { logprob_token_ids: [1] }, "return_token_ids"),
  p1Only("completions", { truncate_prompt_tokens: -1 }, "truncate_prompt_tokens"),

  // The first row that applies gives the reason; a mode passes over what it carries.
  both("chat", { n: 2, logprobs: true }, "n"),
  both("completions", { prompt: ["a", "b"], n: 2 }, "n"),
  both("completions", { max_tokens: 0, n: 2 }, "malformed"),
  p1Only("chat", { tools: TOOLS, logprobs: true, documents: [1] }, "tools"),
  ["chat", { response_format: SCHEMA, tool_choice: "required" }, "tools", "tools"],
  ["chat", { logprobs: true, echo: true }, "echo", "echo"],
];

for (const [form, asked, p1, d1] of ROWS) {
  const text = typeof asked === "string" ? asked : JSON.stringify(asked);
  Deno.test(`obstacle() of ${form} ${text} is ${p1 ?? "none"} in P1, ${d1 ?? "none"} in D1`, () => {
    const request = generation(form, asked);
    assertEquals(obstacle(request, "prefill"), p1);
    assertEquals(obstacle(request, "decode"), d1);
  });
}

Deno.test("FEATURES has a row of this test for each of its reasons and modes", () => {
  const tested = new Set(
    ROWS.flatMap(([, , p1, d1]) => p1 === undefined ? [] : [`${p1} ${d1 === undefined}`]),
  );
  const listed = FEATURES.map(({ reason, inD1 }) => `${reason} ${inD1}`);
  assertEquals(listed.filter((row) => !tested.has(row)), []);
});
