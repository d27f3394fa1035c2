/** Every form of `/v1/completions` that is answered. @module */
import type { ExchangeGroup, Json } from "./exchange.ts";
import { both, completion, IDS, TRIP } from "./requests.ts";

const WORDS = "one two STOP three four";

/** A text that a grammar forces on a real model, and the prompt on a simulated one. */
function saying(text: string): Readonly<Record<string, Json>> {
  return { structured_outputs: { choice: [text] }, max_tokens: 60, ignore_eos: false };
}

const USAGE = { stream_options: { include_usage: true } };

export const COMPLETIONS: ExchangeGroup = {
  name: "completions",
  about: "/v1/completions of an engine with default flags",
  exchanges: [
    ...both(completion("plain")),
    ...both(completion("ids", { prompt: IDS })),
    completion("two texts", { prompt: ["Hello", "Goodbye"] }),
    ...both(completion("two lists of ids", { prompt: [IDS, [50, 51]] })),
    ...both(completion("one token", { max_tokens: 1 })),
    completion("no model", { model: undefined }),
    completion("null limit", { max_tokens: null }),
    completion("absent limit", { max_tokens: undefined }),
    ...both(completion("echo", { prompt: IDS, echo: true })),
    ...both(completion("echo alone", { prompt: IDS, echo: true, max_tokens: 0 })),
    ...both(completion("echo with logprobs", { prompt: IDS, echo: true, logprobs: 1 })),
    completion("echo alone with logprobs", { prompt: IDS, echo: true, max_tokens: 0, logprobs: 1 }),
    completion("logprobs 0", { logprobs: 0 }),
    ...both(completion("logprobs 1", { logprobs: 1 })),
    ...both(completion("logprobs 5", { logprobs: 5, max_tokens: 2 })),
    completion("prompt_logprobs 2", { prompt: [40, 41, 42], prompt_logprobs: 2 }),
    ...both(completion("n 2", { n: 2, temperature: 1 })),
    completion("n 2 of two prompts", { prompt: [IDS, [50]], n: 2, temperature: 1 }),
    ...both(completion("eos", saying("one"))),
    ...both(completion("stop string", { ...saying(WORDS), stop: ["STOP"] })),
    ...both(completion("stop string kept", {
      ...saying(WORDS),
      stop: ["STOP"],
      include_stop_str_in_output: true,
    })),
    ...both(completion("stop string as text", { ...saying(WORDS), stop: "o" })),
    ...both(completion("stop token id", {
      prompt: IDS,
      logit_bias: { "100": 100 },
      stop_token_ids: [100],
    })),
    completion("min_tokens", { ...saying("one"), min_tokens: 1 }),
    completion("include_usage", { stream: true, ...USAGE }),
    completion("include_usage, two prompts", { stream: true, ...USAGE, prompt: [IDS, [50]] }),
    completion("empty stream options", { stream: true, stream_options: {} }),
    completion("include_usage false", { stream: true, stream_options: { include_usage: false } }),
    completion("continuous usage", {
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
    }),
    completion("continuous usage alone", {
      stream: true,
      stream_options: { continuous_usage_stats: true },
    }),
    ...both(completion("return_token_ids", { prompt: IDS, return_token_ids: true })),
    completion("return_token_ids, two prompts", { prompt: [IDS, [50]], return_token_ids: true }),
    ...both(completion("return_tokens_as_token_ids", {
      logprobs: 1,
      return_tokens_as_token_ids: true,
    })),
    completion("seed", { seed: 7, temperature: 0.8, top_p: 0.9, top_k: 5, min_p: 0.1 }),
    completion("penalties", {
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
      repetition_penalty: 1.1,
    }),
    ...both(completion("json schema", {
      response_format: TRIP,
      max_tokens: 60,
      ignore_eos: false,
    })),
    completion("regex", { structured_outputs: { regex: "(yes|no)" }, max_tokens: 8 }),
    completion("grammar", {
      structured_outputs: { grammar: 'root ::= "yes" | "no"' },
      max_tokens: 8,
    }),
    completion("fields without a visible effect", {
      response_format: { type: "text" },
      skip_special_tokens: false,
      cache_salt: "salt",
      user: "someone",
      service_tier: "auto",
      logit_bias: { "50": 2 },
      priority: 1,
      colour: "red",
    }),
    completion("params without a connector", { kv_transfer_params: { do_remote_decode: true } }),
    completion("params that mean nothing", { kv_transfer_params: { colour: [1, { a: null }] } }),
    completion("request_id", { request_id: "mine" }),
    completion("truncated prompt", { prompt: IDS, truncate_prompt_tokens: 3 }),
    ...both(completion("allowed_token_ids", { allowed_token_ids: [50], logprobs: 1 })),
    {
      ...completion("X-Request-Id"),
      headers: { "x-request-id": "from-header" },
    },
    {
      ...completion("X-Request-Id, two prompts streamed", { prompt: [IDS, [50]], stream: true }),
      headers: { "x-request-id": "from-header" },
    },
    completion("beam search", { use_beam_search: true, n: 2, temperature: 0, max_tokens: 3 }),
  ],
};
