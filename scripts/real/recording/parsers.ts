/** What an engine with a tool parser (hermes) and a reasoning parser (qwen3) answers. @module */
import type { Exchange, ExchangeGroup, Json } from "./exchange.ts";
import { both, chat, completion, TOOL } from "./requests.ts";

const CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>';
const NO_THOUGHT = { chat_template_kwargs: { enable_thinking: false } };
const THOUGHT = "<think>\nhm\n</think>\n\n";

/** A chat whose output is `text`, forced by a grammar. */
function saying(
  name: string,
  text: string,
  fields: Readonly<Record<string, Json>> = {},
): readonly Exchange[] {
  return both(chat(name, {
    structured_outputs: { choice: [text] },
    max_tokens: 250,
    ignore_eos: false,
    ...fields,
  }, "parsers"));
}

export const PARSERS: ExchangeGroup = {
  name: "parsers",
  about: "/v1/chat/completions with --enable-auto-tool-choice --tool-call-parser hermes " +
    "--reasoning-parser qwen3 --enable-prompt-tokens-details",
  exchanges: [
    ...saying("content after a thought", `${THOUGHT}Yes`),
    ...saying("no thought at all", "Yes"),
    ...saying("a thought only", "<think>\nhm"),
    ...saying("a call", `${THOUGHT}${CALL}`, { tools: [TOOL] }),
    ...saying("content, then a call", `${THOUGHT}Well ${CALL}`, { tools: [TOOL] }),
    ...saying("two calls", `${THOUGHT}${CALL}\n${CALL}`, { tools: [TOOL] }),
    ...saying("a call nobody asked for", `${THOUGHT}${CALL}`).slice(0, 1),
    ...saying("a call, thoughts left out", `${THOUGHT}${CALL}`, {
      tools: [TOOL],
      include_reasoning: false,
    }),
    ...saying("a thought with logprobs", "<think>h</think>Y", { logprobs: true }).slice(0, 1),
    ...saying("a call cut short", `${THOUGHT}${CALL}`, { tools: [TOOL], max_tokens: 40 }),
    ...saying("a stop string after a thought", `${THOUGHT}one STOP two`, { stop: ["STOP"] })
      .slice(0, 1),
    ...both(chat("a named call by one with parsers", {
      ...NO_THOUGHT,
      tools: [TOOL],
      tool_choice: { type: "function", function: { name: "get_weather" } },
      max_tokens: 40,
      ignore_eos: false,
    }, "parsers")),
    ...both(chat("a required call by one with parsers", {
      ...NO_THOUGHT,
      tools: [TOOL],
      tool_choice: "required",
      max_tokens: 40,
      ignore_eos: false,
    }, "parsers")),
    ...saying("prompt token details", "Yes", NO_THOUGHT),
    ...saying("prompt token details with usage", "Yes", {
      ...NO_THOUGHT,
      stream: true,
      stream_options: { include_usage: true },
    }).slice(1),
    ...saying("prompt token details with continuous usage", "Yes", {
      ...NO_THOUGHT,
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    }).slice(1),
    ...both(completion("prompt token details", {}, "parsers")),
    completion("prompt token details with usage", {
      stream: true,
      stream_options: { include_usage: true },
    }, "parsers"),
  ],
};
