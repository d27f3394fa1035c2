import {
  type DirectReason,
  FEATURES,
  type GenerationForm,
  isContinuable,
} from "../../lib/disagg/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { type Asked, generation } from "./support.ts";

type Row = readonly [
  form: GenerationForm,
  asked: Asked,
  /** Features the request has. */
  features: readonly DirectReason[],
];

const SCHEMA = { type: "json_schema", json_schema: { name: "s", schema: {} } };
const TOOLS = [{ type: "function", function: { name: "f", parameters: {} } }];
const IMAGE = { type: "image_url", image_url: { url: "data:," } };

function saying(...content: unknown[]): Asked {
  return { messages: [{ role: "user", content: "hi" }, { role: "user", content }] };
}

const ROWS: readonly Row[] = [
  // Nothing out of the ordinary.
  ["completions", {}, []],
  ["chat", {}, []],
  ["completions", { prompt: [1, 2, 3] }, []],
  ["completions", { prompt: ["one"] }, []],
  ["completions", { prompt: ["one", "two"] }, []],
  ["completions", { prompt: [[1, 2], [3]] }, []],
  ["chat", saying({ type: "text", text: "hi" }), []],
  ["chat", {
    temperature: 0.5,
    seed: 1,
    stop: ["END"],
    min_tokens: 2,
    ignore_eos: true,
    presence_penalty: 1,
    logit_bias: { "5": 1 },
    unknown: { a: 1 },
  }, []],
  // What absent, null and empty values ask for: nothing.
  ["chat", { n: null, tools: null, response_format: null, logprobs: null }, []],
  ["chat", { tools: [], functions: [], documents: [], modalities: [] }, []],
  ["chat", { logprobs: false, top_logprobs: 0, echo: false, n: 1, best_of: 1 }, []],
  ["chat", { structured_outputs: {}, guided_json: {}, guided_regex: "" }, []],
  ["chat", { reasoning_effort: null, include_reasoning: null }, []],
  ["completions", { echo: false, suffix: "", use_beam_search: false }, []],
  ["completions", { logprobs: null, prompt_logprobs: null }, []],
  ["completions", { return_token_ids: false, truncate_prompt_tokens: null }, []],

  // Malformed.
  ["completions", { max_tokens: 0 }, ["malformed"]],
  ["completions", { max_tokens: "five" }, ["malformed"]],
  ["completions", { max_tokens: "5" }, []],
  ["completions", { min_tokens: -1 }, ["malformed"]],
  ["completions", { min_tokens: 5, max_tokens: 4 }, ["malformed"]],
  ["completions", { stop: [1] }, ["malformed"]],
  ["completions", { stream_options: {} }, ["malformed", "stream_options"]],
  ["completions", { stream: true, stream_options: 1 }, ["malformed"]],
  ["completions", { echo: "maybe" }, ["malformed", "echo"]],
  ["completions", { echo: "false" }, []],
  ["completions", { echo: "on" }, ["echo"]],
  ["completions", { include_stop_str_in_output: "so" }, ["malformed"]],
  ["completions", { include_stop_str_in_output: "true" }, []],
  ["chat", { return_token_ids: 2 }, ["malformed", "return_token_ids"]],
  ["chat", { return_token_ids: 0 }, []],
  ["chat", { return_token_ids: 1 }, ["return_token_ids"]],
  ["chat", { continue_final_message: "so" }, ["malformed"]],
  ["chat", { continue_final_message: "yes" }, []],
  ["chat", { stream: true, stream_options: { include_usage: "so" } }, [
    "malformed",
    "stream_options",
  ]],
  ["chat", { stream: true, stream_options: { include_usage: "false" } }, []],
  ["chat", { stream: "on", stream_options: { include_usage: 1 } }, []],
  ["completions", { prompt: null }, ["malformed"]],
  ["completions", { prompt: "" }, ["malformed"]],
  ["completions", { prompt: [] }, ["malformed"]],
  ["completions", { prompt: [1.5] }, ["malformed"]],
  ["completions", '{"model":"m"}', ["malformed"]],
  ["chat", '{"model":"m"}', ["malformed"]],
  ["chat", { messages: "hi" }, ["malformed"]],
  ["chat", { max_completion_tokens: 0 }, ["malformed"]],

  // Several samples.
  ["completions", { n: 2 }, ["n"]],
  ["chat", { n: 2 }, ["n"]],
  ["chat", { n: "2" }, ["n"]],
  ["chat", { n: "1" }, []],
  ["chat", { n: true }, []],
  ["completions", '{"model":"m","prompt":"a","n":1.0}', []],
  ["completions", { best_of: 2 }, ["n"]],
  ["completions", { n: 0 }, ["n"]],

  // Neither mode.
  ["completions", { use_beam_search: true }, ["beam_search"]],
  ["completions", { use_beam_search: "yes" }, ["beam_search"]],
  ["completions", { use_beam_search: "no" }, []],
  ["chat", { use_beam_search: true }, ["beam_search"]],
  ["completions", { echo: true }, ["echo"]],
  ["chat", { echo: true }, ["echo"]],
  ["completions", { suffix: "end" }, ["suffix"]],
  ["completions", { prompt_logprobs: 0 }, ["prompt_logprobs"]],
  ["chat", { prompt_logprobs: 1 }, ["prompt_logprobs"]],
  ["completions", { prompt_embeds: "AAAA" }, ["prompt_embeds"]],

  // Tools: a forced call does not fit the prefill leg's one token.
  ["chat", { tools: TOOLS, tool_choice: "required" }, ["tools"]],
  ["chat", {
    tools: TOOLS,
    tool_choice: { type: "function", function: { name: "f" } },
  }, ["tools"]],
  ["chat", { tools: TOOLS }, ["tools"]],
  ["chat", { tools: TOOLS, tool_choice: "auto" }, ["tools"]],
  ["chat", { tools: TOOLS, tool_choice: "none" }, ["tools"]],
  ["chat", { functions: [{ name: "f" }] }, ["tools"]],
  ["chat", { function_call: "auto" }, ["tools"]],

  // Structured output.
  ["chat", { response_format: SCHEMA }, ["structured_output"]],
  ["chat", { response_format: { type: "json_object" } }, ["structured_output"]],
  ["completions", { response_format: { type: "json_object" } }, ["structured_output"]],
  ["chat", { response_format: {} }, ["structured_output"]],
  ["chat", { response_format: "json" }, ["structured_output"]],
  ["chat", { response_format: { type: "text" } }, []],
  ["completions", { structured_outputs: { regex: "a" } }, ["structured_output"]],
  ["completions", { guided_json: { type: "object" } }, ["structured_output"]],
  ["completions", { guided_json: "{}" }, ["structured_output"]],
  ["completions", { guided_regex: "a" }, ["structured_output"]],
  ["completions", { guided_choice: ["a"] }, ["structured_output"]],
  ["completions", { guided_grammar: "g" }, ["structured_output"]],
  ["completions", { structural_tag: "t" }, ["structured_output"]],

  // Log probabilities: a number in completions, where 0 asks too, and a flag in chat.
  ["completions", { logprobs: 0 }, ["logprobs"]],
  ["completions", { logprobs: 5 }, ["logprobs"]],
  ["chat", { logprobs: true }, ["logprobs"]],
  ["chat", { top_logprobs: 2 }, ["logprobs", "malformed"]],
  ["chat", { logprobs: true, top_logprobs: -1 }, ["logprobs", "malformed"]],
  ["completions", { logprobs: -1 }, ["logprobs", "malformed"]],
  ["completions", { logprobs: false }, ["logprobs"]],
  ["completions", { echo: true, prompt: ["one"] }, ["echo"]],
  ["completions", { echo: true, prompt: [1, 2] }, ["echo"]],
  ["chat", { logprobs: true, top_logprobs: 2 }, ["logprobs"]],

  // Media.
  ["chat", { modalities: ["text", "audio"] }, ["multimodal"]],
  ["chat", { modalities: ["text"] }, []],
  ["chat", { modalities: ["text"], audio: null }, []],
  ["chat", { modalities: [] }, []],
  ["chat", { modalities: null }, []],
  ["chat", { audio: { voice: "v" } }, ["multimodal"]],
  ["chat", saying(IMAGE), ["multimodal"]],
  ["chat", saying({ type: "text", text: "what is it" }, IMAGE), ["multimodal"]],

  // What changes the prompt in a way that `/tokenize` does not know.
  ["chat", { documents: [{ title: "t" }] }, ["documents"]],
  ["chat", { reasoning_effort: "low" }, ["reasoning"]],
  ["chat", { reasoning: { effort: "low" } }, ["reasoning"]],
  ["chat", { include_reasoning: false }, ["reasoning"]],
  ["chat", { thinking_token_budget: 0 }, ["reasoning"]],
  ["completions", { return_token_ids: true }, ["return_token_ids"]],
  ["completions", { return_tokens_as_token_ids: true }, ["return_token_ids"]],
  ["completions", { logprob_token_ids: [1] }, ["return_token_ids"]],
  ["chat", { return_prompt_text: true }, ["return_token_ids"]],
  ["completions", { truncate_prompt_tokens: -1 }, ["truncate_prompt_tokens"]],
  ["chat", { stream: true, stream_options: { continuous_usage_stats: true } }, ["stream_options"]],
  ["chat", { stream: true, stream_options: { include_obfuscation: false } }, ["stream_options"]],
  ["chat", { stream: true, stream_options: { include_usage: false } }, []],

  // Endpoints whose answers the router does not write, and what they store.
  ["responses", {}, ["endpoint"]],
  ["messages", {}, ["endpoint"]],
  ["responses", { max_output_tokens: 5, store: false }, ["endpoint"]],
  ["responses", { max_output_tokens: 0 }, ["malformed", "endpoint"]],
  ["responses", { previous_response_id: "resp_1" }, ["stateful", "endpoint"]],
  ["responses", { conversation: "conv_1" }, ["stateful", "endpoint"]],
  ["responses", { background: true }, ["stateful", "endpoint"]],
  ["messages", { tools: [{ name: "f", input_schema: {} }] }, ["endpoint", "tools"]],
  ["messages", { tool_choice: { type: "any" } }, ["endpoint", "tools"]],

  // The first row that applies gives the reason; a mode passes over what it carries.
  ["chat", { n: 2, logprobs: true }, ["n", "logprobs"]],
  ["completions", { prompt: ["a", "b"], n: 2 }, ["n"]],
  ["completions", { max_tokens: 0, n: 2 }, ["malformed", "n"]],
  ["chat", { tools: TOOLS, logprobs: true, documents: [1] }, [
    "tools",
    "logprobs",
    "documents",
  ]],
  ["chat", { response_format: SCHEMA, tool_choice: "required" }, ["tools", "structured_output"]],
  ["chat", { logprobs: true, echo: true }, ["echo", "logprobs"]],
];

for (const [form, asked, features] of ROWS) {
  const text = typeof asked === "string" ? asked : JSON.stringify(asked);
  Deno.test(`FEATURES recognises ${features.join() || "nothing"} in ${form} ${text}`, () => {
    const request = generation(form, asked);
    const found = FEATURES.filter((feature) => feature.present(request));
    assertEquals([...new Set(found.map(({ reason }) => reason))].sort(), [...features].sort());
  });
}

Deno.test("FEATURES has a row of this test for each of its rows", () => {
  const untested = FEATURES.filter((feature) =>
    !ROWS.some(([form, asked]) => feature.present(generation(form, asked)))
  );
  assertEquals(untested.map(({ what }) => what), []);
});

Deno.test("FEATURES that mode D1 cannot carry are not carried by mode P1", () => {
  const odd = FEATURES.filter(({ p1, d1 }) => p1 && !d1);
  assertEquals(odd.map(({ what }) => what), []);
});

const STREAM = { stream: true };

const CONTINUABLE: readonly (readonly [GenerationForm, Asked, boolean])[] = [
  ["chat", STREAM, true],
  ["completions", STREAM, true],
  ["chat", { stream: false }, false],
  ["chat", { ...STREAM, logprobs: true, top_logprobs: 2, return_token_ids: true }, true],
  ["completions", { ...STREAM, logprobs: 2, stop: ["a"], min_tokens: 2, seed: 1 }, true],
  ["completions", { ...STREAM, presence_penalty: 0, frequency_penalty: null }, true],
  ["completions", { ...STREAM, presence_penalty: 0.5 }, false],
  ["completions", { ...STREAM, frequency_penalty: -0.5 }, false],
  ["completions", { ...STREAM, repetition_penalty: 1.1 }, true],
  ["completions", { ...STREAM, echo: true }, false],
  ["completions", { ...STREAM, n: 2 }, false],
  ["completions", { ...STREAM, suffix: "x" }, false],
  ["completions", { ...STREAM, prompt_logprobs: 1 }, false],
  ["chat", { ...STREAM, tools: TOOLS }, false],
  ["chat", { ...STREAM, tools: TOOLS, tool_choice: "required" }, false],
  ["chat", { ...STREAM, tools: TOOLS, tool_choice: "none" }, true],
  ["chat", { ...STREAM, response_format: SCHEMA }, false],
  ["chat", { ...STREAM, structured_outputs: { regex: "a" } }, false],
  ["chat", { ...STREAM, reasoning_effort: "low" }, false],
  ["chat", { ...STREAM, messages: [{ role: "user", content: [IMAGE] }] }, false],
  ["chat", { ...STREAM, truncate_prompt_tokens: 5 }, false],
  ["chat", { ...STREAM, return_tokens_as_token_ids: true }, false],
  ["chat", { ...STREAM, stream_options: {} }, false],
  ["messages", { ...STREAM, max_tokens: 5 }, false],
  ["responses", { ...STREAM, input: "hi" }, false],
];

for (const [form, asked, expected] of CONTINUABLE) {
  Deno.test(`isContinuable() of ${form} with ${JSON.stringify(asked)} is ${expected}`, () => {
    assertEquals(isContinuable(generation(form, asked)), expected);
  });
}
