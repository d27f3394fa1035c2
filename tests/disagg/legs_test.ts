import {
  byteLength,
  type ByteParts,
  decodeUtf8,
  encodeUtf8,
  RouterError,
} from "../../lib/base/mod.ts";
import {
  decodeBodyP1,
  type DecodeLeg,
  directBody,
  type GenerationRequest,
  originalBody,
  prefillBodyD1,
  prefillBodyP1,
  prefillBodyToldP1,
  reclaimBodyD1,
  tokenizeBody,
  withToken,
  withTokens,
} from "../../lib/disagg/mod.ts";
import type { AnswerForm } from "../../lib/openai/mod.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../support/assert.ts";
import { D1_ASKED, D1_KEPT, KEPT, MESSAGES, UNSAFE } from "./bodies.ts";
import { type Asked, generation, jsonOf, textOf } from "./support.ts";

const FORMS = ["completions", "chat"] as const satisfies readonly AnswerForm[];
const IDS = encodeUtf8("[1, 2]");
const PARAMS = '{"disagg_spec":{"req_id":"1"}}';

/** Fields of the answer or of the router, for which no leg of P1 takes the client's value. */
const DROPPED = {
  n: 1,
  best_of: 1,
  echo: false,
  suffix: "",
  logprobs: null,
  prompt_logprobs: null,
  return_token_ids: false,
  return_tokens_as_token_ids: false,
  request_id: "mine",
  add_special_tokens: true,
  min_completion_tokens: 3,
  ...UNSAFE,
};

const CHAT_ONLY = {
  tools: [],
  tool_choice: "none",
  parallel_tool_calls: true,
  functions: [],
  function_call: null,
  response_format: { type: "text" },
  top_logprobs: 0,
  add_generation_prompt: true,
  continue_final_message: false,
  chat_template: "t",
  chat_template_kwargs: { a: 1 },
  media_io_kwargs: {},
  mm_processor_kwargs: {},
  documents: [],
  reasoning_effort: null,
  include_reasoning: null,
  modalities: [],
  audio: null,
  prediction: null,
  store: false,
  metadata: {},
  service_tier: "auto",
  verbosity: "low",
  web_search_options: {},
};

function prefillP1(request: GenerationRequest): unknown {
  return jsonOf(prefillBodyP1(request, IDS, PARAMS));
}

function decodeP1(request: GenerationRequest, change: Partial<DecodeLeg> = {}): unknown {
  const leg = { promptIds: IDS, firstToken: 9, maxTokens: 16, tokenIds: false, ...change };
  return jsonOf(decodeBodyP1(request, leg));
}

const PREFILL = {
  model: "m",
  prompt: [1, 2],
  max_tokens: 1,
  stream: false,
  kv_transfer_params: { disagg_spec: { req_id: "1" } },
};

const DECODE = {
  model: "m",
  prompt: [1, 2, 9],
  max_tokens: 15,
  stream: true,
  stream_options: { include_usage: true },
};

for (const form of FORMS) {
  Deno.test(`prefillBodyP1() of a plain ${form} request`, () => {
    assertEquals(prefillP1(generation(form)), PREFILL);
  });

  Deno.test(`decodeBodyP1() of a plain ${form} request`, () => {
    assertEquals(decodeP1(generation(form)), DECODE);
  });

  Deno.test(`The legs of P1 keep what a ${form} request asks of the engines, and drop the rest`, () => {
    const request = generation(form, {
      ...KEPT,
      ...DROPPED,
      ...(form === "chat" ? CHAT_ONLY : {}),
      max_tokens: 8,
      max_completion_tokens: 8,
      stream: true,
      stream_options: { include_usage: false },
    });
    assertEquals(prefillP1(request), { ...PREFILL, ...KEPT });
    assertEquals(decodeP1(request), { ...DECODE, ...KEPT });
  });
}

Deno.test("The legs of P1 leave a completions request's unknown fields alone, whatever their names", () => {
  const unknown = { tools: "x", metadata: 1, chat_template: null };
  assertEquals(prefillP1(generation("completions", unknown)), { ...PREFILL, ...unknown });
});

/** min_tokens of the client, of the prefill leg, of the decode leg. */
const LEAST: readonly (readonly [number | null, number | undefined, number | undefined])[] = [
  [null, undefined, undefined],
  [0, undefined, undefined],
  [1, 1, undefined],
  [2, 1, 1],
  [5, 1, 4],
];

for (const [asked, prefill, decode] of LEAST) {
  Deno.test(`The legs of P1 divide min_tokens ${asked}`, () => {
    const request = generation("completions", { min_tokens: asked, max_tokens: 8 });
    const least = (value: number | undefined): object =>
      value === undefined ? {} : { min_tokens: value };
    assertEquals(prefillP1(request), { ...PREFILL, ...least(prefill) });
    assertEquals(decodeP1(request, { maxTokens: 8 }), {
      ...DECODE,
      max_tokens: 7,
      ...least(decode),
    });
  });
}

Deno.test("decodeBodyP1() asks for what is left of the answer, at least one token", () => {
  const { max_tokens: least } = Object(decodeP1(generation("chat"), { maxTokens: 2 }));
  assertEquals(least, 1);
});

Deno.test("decodeBodyP1() asks for usage in each chunk, and for token ids, when they are needed", () => {
  const options = { include_usage: true, continuous_usage_stats: true };
  const request = generation("completions", { stream: true, stream_options: options });
  assertEquals(decodeP1(request, { tokenIds: true }), {
    ...DECODE,
    stream_options: options,
    return_token_ids: true,
  });
});

for (const form of ["completions", "chat"] as const) {
  Deno.test(`The legs of P1 ask for a ${form} request's log-probabilities`, () => {
    const asked = form === "chat" ? { logprobs: true, top_logprobs: 3 } : { logprobs: 3 };
    const request = generation(form, asked);
    assertEquals(prefillP1(request), { ...PREFILL, logprobs: 3 });
    assertEquals(decodeP1(request), { ...DECODE, logprobs: 3 });
    const told = Object(jsonOf(prefillBodyToldP1(request, PARAMS)));
    assertEquals([told.logprobs, told.top_logprobs], [
      form === "chat" ? true : 3,
      form === "chat" ? 3 : undefined,
    ]);
  });
}

Deno.test("decodeBodyP1() leaves stop strings out where the router looks for them", () => {
  const stops = { stop: ["a"], stop_token_ids: [5], include_stop_str_in_output: true };
  const { stop: _stop, ...kept } = stops;
  const request = generation("completions", stops);
  assertEquals(decodeP1(request), { ...DECODE, ...stops });
  assertEquals(decodeP1(request, { ownStops: true }), { ...DECODE, ...kept });
});

Deno.test("The legs carry the model's real name, whatever the client calls it", () => {
  const request = { ...generation("chat", '{"model":"alias","messages":[]}'), model: 'real"' };
  const bodies: readonly ByteParts[] = [
    prefillBodyP1(request, IDS, PARAMS),
    decodeBodyP1(request, { promptIds: IDS, firstToken: 1, maxTokens: 2, tokenIds: false }),
    prefillBodyD1(request, PARAMS),
    reclaimBodyD1(request),
    originalBody(request),
    tokenizeBody(request),
  ];
  for (const body of bodies) assertEquals(Object(jsonOf(body)).model, 'real"');
});

Deno.test("The legs of P1 share a large prompt's bytes", () => {
  const ids = encodeUtf8(`[${Array.from({ length: 50_000 }, (_, id) => id).join(",")}]`);
  const request = generation("completions");
  const leg = { promptIds: ids, firstToken: 7, maxTokens: 2, tokenIds: false };
  for (const body of [prefillBodyP1(request, ids, PARAMS), decodeBodyP1(request, leg)]) {
    const own = body.filter((part) => part.buffer !== ids.buffer);
    assert(byteLength(own) < 300, `${byteLength(own)} bytes are copies`);
  }
});

const WITH_TOKEN: readonly (readonly [ids: string, text: string])[] = [
  ["[1]", "[1,9]"],
  ["[1,2]", "[1,2,9]"],
  ["[1, 2 ]", "[1, 2 ,9]"],
  ["[\n  1,\n  2\n]", "[\n  1,\n  2\n,9]"],
];

for (const [ids, text] of WITH_TOKEN) {
  Deno.test(`withToken() appends to ${JSON.stringify(ids)}`, () => {
    const parts = withToken(encodeUtf8(ids), 9);
    assertEquals(textOf(parts), text);
    assertEquals(jsonOf(parts), [...JSON.parse(ids), 9]);
  });
}

Deno.test("withToken() leaves the ids themselves as they are", () => {
  const ids = encodeUtf8("[1,2]");
  withToken(ids, 9);
  assertEquals(decodeUtf8(ids), "[1,2]");
});

Deno.test("prefillBodyD1() is the client's request with one token and without a stream", () => {
  assertEquals(jsonOf(prefillBodyD1(generation("chat", D1_ASKED), PARAMS)), {
    ...D1_KEPT,
    kv_transfer_params: { disagg_spec: { req_id: "1" } },
  });
});

const COMPLETION_LIMITS: readonly (readonly [asked: Asked, limits: object])[] = [
  [{}, { max_tokens: 1 }],
  [{ max_completion_tokens: 8 }, { max_tokens: 1, max_completion_tokens: 1 }],
  [{ max_completion_tokens: 8, max_tokens: 9 }, { max_tokens: 1, max_completion_tokens: 1 }],
  [{ max_completion_tokens: null }, { max_tokens: 1, max_completion_tokens: null }],
];

for (const [asked, limits] of COMPLETION_LIMITS) {
  Deno.test(`The one-token bodies of D1 set every limit of ${JSON.stringify(asked)}`, () => {
    const request = generation("chat", asked);
    const plain = { model: "m", messages: MESSAGES, stream: false, ...limits };
    assertEquals(jsonOf(reclaimBodyD1(request)), plain);
    assertEquals(jsonOf(prefillBodyD1(request, "{}")), { ...plain, kv_transfer_params: {} });
  });
}

Deno.test("originalBody() passes a request on untouched where it may", () => {
  const request = generation("chat", ' {"model":"m" , "messages":[ ],"unknown":null} ');
  const [only, ...rest] = originalBody(request);
  assert(only === request.body.bytes && rest.length === 0);
});

const ORIGINALS: readonly (readonly [name: string, text: string, body: string])[] = [
  [
    "kv_transfer_params",
    '{"model":"m","kv_transfer_params":{"a":1},"stream":true}',
    '{"model":"m","stream":true}',
  ],
  [
    "kv_transfer_params however it is written, and every time",
    '{"kv_transfer_par\\u0061ms":{},"model":"m","kv_transfer_params":{"a":1}}',
    '{"model":"m"}',
  ],
  ["an empty kv_transfer_params", '{"model":"m","kv_transfer_params":null}', '{"model":"m"}'],
  ["ec_transfer_params", '{"ec_transfer_params":{"a":1},"model":"m"}', '{"model":"m"}'],
  ["disagg_spec", '{"disagg_spec":{"a":1},"model":"m"}', '{"model":"m"}'],
];

for (const [name, text, body] of ORIGINALS) {
  Deno.test(`originalBody() strips ${name}`, () => {
    assertEquals(textOf(originalBody(generation("completions", text))), body);
  });
}

/** Under these names vLLM makes of `vllm_xargs` what it makes of the fields themselves. */
const XARGS =
  '{"model":"m","vllm_xargs":{"x":1.50,"kv_transfer_p\\u0061rams":1,"ec_transfer_params":""}}';

Deno.test("No body carries a client's arrangement of a transfer among vllm_xargs", () => {
  const request = generation("completions", XARGS);
  const leg = { promptIds: IDS, firstToken: 9, maxTokens: 2, tokenIds: false };
  const bodies: readonly ByteParts[] = [
    originalBody(request),
    originalBody(request, PARAMS),
    directBody(request, { trusted: false, tagged: true }),
    prefillBodyP1(request, IDS, PARAMS),
    prefillBodyToldP1(request, PARAMS),
    decodeBodyP1(request, leg),
    prefillBodyD1(request, PARAMS),
    reclaimBodyD1(request),
  ];
  for (const body of bodies) assertStringIncludes(textOf(body), '"vllm_xargs":{"x":1.50}');
  assertEquals(textOf(originalBody(request, undefined, true)), XARGS);
});

Deno.test("originalBody() leaves other vllm_xargs alone", () => {
  const request = generation("completions", '{"model":"m","vllm_xargs":{"session_id": "s"}}');
  const [only, ...rest] = originalBody(request);
  assert(only === request.body.bytes && rest.length === 0);
});

const THINKING: readonly (readonly [asked: unknown, kept: boolean])[] = [
  [{ type: "enabled", budget_tokens: 2048 }, false],
  [{ type: "disabled" }, true],
  [{ type: "adaptive" }, true],
];

for (const [thinking, kept] of THINKING) {
  Deno.test(`The one-token bodies of D1 ${kept ? "keep" : "drop"} ${JSON.stringify(thinking)}`, () => {
    const request = generation("messages", { max_tokens: 4096, thinking });
    for (const body of [prefillBodyD1(request, PARAMS), reclaimBodyD1(request)]) {
      assertEquals(Object(jsonOf(body)).thinking, kept ? thinking : undefined);
    }
    assertEquals(Object(jsonOf(originalBody(request))).thinking, thinking);
  });
}

Deno.test("The one-token bodies of D1 ask for no given tokens' log-probabilities", () => {
  const request = generation("completions", { logprobs: 1, logprob_token_ids: [5] });
  for (const body of [prefillBodyD1(request, PARAMS), reclaimBodyD1(request)]) {
    const { logprobs, logprob_token_ids: ids } = Object(jsonOf(body));
    assertEquals([logprobs, ids], [undefined, undefined]);
  }
});

Deno.test("tokenizeBody() refuses a malformed continue_final_message by name", () => {
  const text = String.raw`{"model":"m","messages":[],"continue_final_message":"\q"}`;
  const error = assertThrows(() => tokenizeBody(generation("chat", text)), RouterError);
  assertEquals([error.code, error.param], ["bad-request", "continue_final_message"]);
});

Deno.test("originalBody() keeps what a trusted client says of the transfer", () => {
  const request = generation("chat", '{"model":"m","messages":[],"kv_transfer_params":{"a":1}}');
  const [only, ...rest] = originalBody(request, undefined, true);
  assert(only === request.body.bytes && rest.length === 0);
});

Deno.test("originalBody() puts the router's params in the place of the client's", () => {
  const request = generation("chat", '{"model":"m","kv_transfer_params":{"a":1},"x":2}');
  assertEquals(jsonOf(originalBody(request, '{"b":3}')), {
    model: "m",
    x: 2,
    kv_transfer_params: { b: 3 },
  });
});

Deno.test("originalBody() renames an alias and strips at once", () => {
  const request = generation("completions", '{"model":"alias","disagg_spec":1,"x": 2 }');
  assertEquals(textOf(originalBody({ body: request.body, model: "m" })), '{"x": 2,"model":"m"}');
});

Deno.test("decodeBodyP1() without a first token leaves all of the answer to the engine", () => {
  for (const form of FORMS) {
    const request = { ...generation(form), minTokens: 3 };
    const leg = { firstToken: undefined, kvTransferParams: PARAMS, tokenIds: true };
    assertEquals(decodeP1(request, leg), {
      ...DECODE,
      prompt: [1, 2],
      max_tokens: 16,
      min_tokens: 3,
      return_token_ids: true,
      kv_transfer_params: { disagg_spec: { req_id: "1" } },
    });
  }
});

Deno.test("prefillBodyP1() leaves stop strings out where the router looks for them", () => {
  for (const form of FORMS) {
    const request = generation(form, { stop: ["END"], include_stop_str_in_output: true });
    assertEquals(jsonOf(prefillBodyP1(request, IDS, PARAMS, true)), {
      ...PREFILL,
      include_stop_str_in_output: true,
    });
  }
});

Deno.test("originalBody() asks for token ids where they are needed, and changes nothing else", () => {
  const request = generation("chat", { stop: ["END"], return_token_ids: false });
  const asked = jsonOf(originalBody(request, undefined, false, true));
  assertEquals(asked, Object.assign({}, jsonOf(originalBody(request)), { return_token_ids: true }));
});

Deno.test("withTokens() puts ids behind others", () => {
  assertEquals(decodeUtf8(withTokens(IDS, [3, 4])), "[1, 2,3,4]");
  assertEquals(withTokens(IDS, []), IDS);
});
