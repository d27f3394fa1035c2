import { prefillBodyD1, prefillBodyToldP1 } from "../../lib/disagg/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { type Asked, generation, jsonOf } from "./support.ts";

const PARAMS = '{"ret_first_tok":true}';

/** What one token does without, and what would harm it or its engine. */
const TAKEN_OUT: Asked = {
  max_tokens: 9,
  min_tokens: 4,
  n: 1,
  stream: true,
  stream_options: { include_usage: true },
  return_token_ids: false,
  kv_transfer_params: { do_remote_prefill: true },
  disagg_spec: {},
  ec_transfer_params: {},
};

Deno.test("prefillBodyToldP1() is the client's request for one token that tells its prompt's ids", () => {
  const kept = {
    temperature: 0.5,
    stop: ["END"],
    add_special_tokens: true,
    chat_template_kwargs: { thinking: false },
    tools: [{ type: "function", function: { name: "f" } }],
    tool_choice: "none",
    documents: [{ text: "x" }],
    x_unknown: [1],
  };
  const body = jsonOf(prefillBodyToldP1(generation("chat", { ...kept, ...TAKEN_OUT }), PARAMS));
  assertEquals(body, {
    model: "m",
    messages: [{ role: "user", content: "hi" }],
    ...kept,
    max_tokens: 1,
    min_tokens: 1,
    stream: false,
    return_token_ids: true,
    kv_transfer_params: { ret_first_tok: true },
  });
});

Deno.test("prefillBodyToldP1() keeps a prompt as it is, and sets the limit the client's way", () => {
  const rows = [
    ["completions", { prompt: ["hi"] }, { prompt: ["hi"], max_tokens: 1 }],
    ["chat", { max_completion_tokens: 5 }, { max_completion_tokens: 1, max_tokens: 1 }],
  ] as const;
  for (const [form, asked, expected] of rows) {
    const body = jsonOf(prefillBodyToldP1(generation(form, asked), PARAMS));
    const { messages: _messages, ...rest } = Object(body);
    assertEquals(rest, {
      model: "m",
      ...expected,
      stream: false,
      return_token_ids: true,
      kv_transfer_params: { ret_first_tok: true },
    });
  }
});

Deno.test("prefillBodyD1() leaves out all that arranges a transfer, but the router's own", () => {
  const body = Object(jsonOf(prefillBodyD1(generation("chat", TAKEN_OUT), PARAMS)));
  assertEquals(body.kv_transfer_params, { ret_first_tok: true });
  assertEquals([body.disagg_spec, body.ec_transfer_params], [undefined, undefined]);
});
