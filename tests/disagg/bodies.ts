/** Members of requests, and what the one-token bodies of mode D1 make of them. @module */

/** A chat of one turn. */
export const MESSAGES = [{ role: "user", content: "hi" }];
const TOOLS = [{ type: "function", function: { name: "f" } }];

/** What a client should not have to know of, and must not be able to set. */
export const UNSAFE = { kv_transfer_params: { remote_host: "evil" }, disagg_spec: { req_id: "x" } };

/** Fields the engines take that no leg may lose. */
export const KEPT = {
  temperature: 0.5,
  top_p: 0.9,
  seed: 7,
  stop: ["END"],
  stop_token_ids: [5],
  ignore_eos: true,
  logit_bias: { "5": 1 },
  presence_penalty: 0.1,
  include_stop_str_in_output: true,
  user: "u",
  priority: 3,
  cache_salt: "s",
  unknown: { nested: [1] },
};

/** A request with all that a body for one token may not have. */
export const D1_ASKED = {
  ...KEPT,
  ...UNSAFE,
  n: 1,
  best_of: 1,
  tools: TOOLS,
  logprobs: true,
  response_format: { type: "json_object" },
  max_tokens: 8,
  min_tokens: 2,
  min_completion_tokens: 2,
  stream: true,
  stream_options: { include_usage: true },
};

/** What is left of it. */
export const D1_KEPT = {
  ...KEPT,
  model: "m",
  messages: MESSAGES,
  tools: TOOLS,
  response_format: { type: "json_object" },
  max_tokens: 1,
  stream: false,
};
