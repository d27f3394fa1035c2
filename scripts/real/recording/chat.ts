/** Every form of `/v1/chat/completions` that is answered without parsers. @module */
import type { ExchangeGroup, Json } from "./exchange.ts";
import { both, chat, TOOL, TRIP } from "./requests.ts";

function saying(text: string): Readonly<Record<string, Json>> {
  return { structured_outputs: { choice: [text] }, max_tokens: 60, ignore_eos: false };
}

const ONE_TURN = [{ role: "user", content: "Hello" }];
const WORDS = "one two STOP three four";
const USAGE = { stream_options: { include_usage: true } };
const NAMED = { type: "function", function: { name: "get_weather" } };

export const CHAT: ExchangeGroup = {
  name: "chat",
  about: "/v1/chat/completions of an engine with default flags",
  exchanges: [
    ...both(chat("plain")),
    ...both(chat("one token", { max_tokens: 1 })),
    chat("max_completion_tokens", { max_tokens: undefined, max_completion_tokens: 3 }),
    chat("both limits", { max_tokens: 9, max_completion_tokens: 3 }),
    chat("system prompt", {
      messages: [{ role: "system", content: "Be brief" }, ...ONE_TURN],
    }),
    chat("content parts", {
      messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
    }),
    chat("final message to continue", {
      messages: [...ONE_TURN, { role: "assistant", content: "I am" }],
      add_generation_prompt: false,
      continue_final_message: true,
    }),
    ...both(chat("final message to continue, echoed", {
      messages: [...ONE_TURN, { role: "assistant", content: "I am" }],
      add_generation_prompt: false,
      continue_final_message: true,
      echo: true,
    })),
    ...both(chat("echo", { echo: true })),
    ...both(chat("logprobs", { logprobs: true })),
    chat("logprobs, none besides", { logprobs: true, top_logprobs: 0 }),
    ...both(chat("logprobs, one besides", { logprobs: true, top_logprobs: 1 })),
    chat("logprobs, five besides", { logprobs: true, top_logprobs: 5, max_tokens: 2 }),
    ...both(chat("return_tokens_as_token_ids", {
      logprobs: true,
      top_logprobs: 1,
      return_tokens_as_token_ids: true,
    })),
    chat("prompt_logprobs", { prompt_logprobs: 1, max_tokens: 1 }),
    ...both(chat("n 2", { n: 2, temperature: 1 })),
    ...both(chat("eos", saying("one"))),
    ...both(chat("stop string", { ...saying(WORDS), stop: ["STOP"] })),
    ...both(chat("stop string kept", {
      ...saying(WORDS),
      stop: ["STOP"],
      include_stop_str_in_output: true,
    })),
    ...both(chat("stop token id", { logit_bias: { "100": 100 }, stop_token_ids: [100] })),
    chat("include_usage", { stream: true, ...USAGE }),
    chat("include_usage, n 2", { stream: true, ...USAGE, n: 2, temperature: 1 }),
    chat("continuous usage", {
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    }),
    chat("continuous usage alone", {
      stream: true,
      stream_options: { continuous_usage_stats: true },
    }),
    ...both(chat("return_token_ids", { return_token_ids: true })),
    chat("seed", { seed: 7, temperature: 0.8, top_p: 0.9 }),
    ...both(chat("json schema", {
      response_format: TRIP,
      max_tokens: 60,
      ignore_eos: false,
    })),
    chat("regex", { structured_outputs: { regex: "(yes|no)" }, max_tokens: 8 }),
    chat("tools, none to be called", { tools: [TOOL], tool_choice: "none" }),
    chat("tools, one by name", {
      tools: [TOOL],
      tool_choice: NAMED,
      max_tokens: 60,
      ignore_eos: false,
    }),
    chat("tools, required", {
      tools: [TOOL],
      tool_choice: "required",
      max_tokens: 200,
      ignore_eos: false,
    }),
    chat("fields without a visible effect", {
      chat_template_kwargs: { thinking: true },
      reasoning_effort: "low",
      include_reasoning: false,
      documents: [{ title: "Tides", text: "High" }],
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
      colour: "red",
    }),
    chat("params without a connector", { kv_transfer_params: { do_remote_decode: true } }),
    chat("tool answer in the history", {
      messages: [
        ...ONE_TURN,
        {
          role: "assistant",
          content: null,
          tool_calls: [{
            id: "call_1",
            type: "function",
            function: { name: "get_weather", arguments: '{"city":"Oslo"}' },
          }],
        },
        { role: "tool", tool_call_id: "call_1", content: "Rain" },
      ],
    }),
    { ...chat("X-Request-Id"), headers: { "x-request-id": "from-header" } },
    chat("request_id", { request_id: "mine" }),
    chat("beam search", { use_beam_search: true, n: 2, max_tokens: 3 }),
  ],
};
