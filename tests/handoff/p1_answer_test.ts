import { decodeUtf8, encodeUtf8 } from "../../lib/base/mod.ts";
import type { TextRequest } from "../../lib/disagg/mod.ts";
import { beginAnswer, endedAnswer, identityOf, streamAnswer } from "../../lib/handoff/p1_answer.ts";
import type { FirstTokenResult } from "../../lib/handoff/prefill.ts";
import type { KnownPrompt } from "../../lib/handoff/prompt.ts";
import { asUsage, StreamWriter, WholeWriter } from "../../lib/openai/mod.ts";
import type { Answer } from "../../lib/request/mod.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { handoffParts, textRequest } from "./support.ts";

const PROMPT: KnownPrompt = { kind: "known", ids: encodeUtf8("[11,12,13]"), maxTokens: 5 };

const USAGE = asUsage({
  prompt_tokens: 3,
  completion_tokens: 1,
  total_tokens: 4,
  prompt_tokens_details: { cached_tokens: 2 },
});

const LOGPROBS = { tokens: [" one"], logprobs: ["-0.5"], tops: ['{" one":-0.5}'], offsets: [0] };

function resultOf(more: Partial<FirstTokenResult> = {}): FirstTokenResult {
  return {
    firstToken: 91,
    text: " one",
    promptIds: undefined,
    logprobs: undefined,
    finishReason: "length",
    stopReason: null,
    usage: USAGE,
    body: { id: "cmpl-p", system_fingerprint: "f", kv_transfer_params: { first_tok: 91 } },
    kvParams: undefined,
    headers: [["content-type", "application/json"], ["content-length", "9"], ["x-a", "b"]],
    ...more,
  };
}

// deno-lint-ignore no-explicit-any
type Json = any;

function eventsOf(bytes: Uint8Array | undefined): readonly Json[] {
  return decodeUtf8(bytes ?? new Uint8Array(0)).split("\n\n").filter((part) => part !== "")
    .map((part) => part.slice("data: ".length))
    .map((json) => json === "[DONE]" ? json : JSON.parse(json));
}

/** What is written before the decode leg, as events. */
function begun(
  request: TextRequest,
  result = resultOf(),
  text = " one",
): readonly Json[] {
  const { deps, context } = handoffParts();
  const writer = new StreamWriter(identityOf(deps, context, request), { includeUsage: true });
  beginAnswer(writer, { request, prompt: PROMPT }, result, text);
  return eventsOf(writer.take());
}

Deno.test("identityOf() names an answer after its request, in the form of its endpoint", () => {
  const { deps, context } = handoffParts();
  assertEquals(identityOf(deps, context, textRequest({ logprobs: 2 })), {
    form: "completions",
    id: "cmpl-r",
    created: 1_700_000_000,
    model: "m",
    topLogprobs: 2,
  });
  const chat = identityOf(deps, context, textRequest({}, "chat"));
  assertEquals([chat.form, chat.id, chat.topLogprobs], ["chat", "chatcmpl-r", undefined]);
});

Deno.test("beginAnswer() writes the first token's text, in a chat behind the role", () => {
  const [completion, ...more] = begun(textRequest({ stream: true }));
  assertEquals([completion.choices[0].text, completion.usage, more], [" one", undefined, []]);
  const [role, chunk, ...others] = begun(textRequest({ stream: true }, "chat"));
  assertEquals([role.choices[0].delta, chunk.choices[0].delta, others], [
    { role: "assistant", content: "" },
    { content: " one" },
    [],
  ]);
});

Deno.test("beginAnswer() writes nothing of a text that is not known yet, or held back", () => {
  assertEquals(begun(textRequest({ stream: true }), resultOf(), ""), []);
  assertEquals(begun(textRequest({ stream: true }, "chat"), resultOf(), "").length, 1);
});

Deno.test("beginAnswer() reports running usage, without what was cached, where each chunk does", () => {
  const options = { include_usage: true, continuous_usage_stats: true };
  const [role, chunk] = begun(textRequest({ stream: true, stream_options: options }, "chat"));
  assertEquals([role.usage, chunk.usage], [
    { prompt_tokens: 3, completion_tokens: 0, total_tokens: 3 },
    { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
  ]);
  const without = begun(
    textRequest({ stream: true, stream_options: options }, "chat"),
    resultOf({ usage: undefined }),
  );
  assert(without.every((event) => !("usage" in event)));
});

Deno.test("beginAnswer() tells ids and log-probabilities to clients that asked", () => {
  const asked = { stream: true, return_token_ids: true, logprobs: 1 };
  const [completion] = begun(textRequest(asked), resultOf({ logprobs: LOGPROBS }), "");
  assertEquals(completion.choices[0].text, "", "told although the text waits");
  assertEquals(
    [completion.choices[0].token_ids, completion.choices[0].prompt_token_ids],
    [[91], [11, 12, 13]],
  );
  assertEquals(completion.choices[0].logprobs.token_logprobs, [-0.5]);
  const [role, chunk] = begun(textRequest({ stream: true, return_token_ids: true }, "chat"));
  assertEquals([role.prompt_token_ids, chunk.choices[0].token_ids], [[11, 12, 13], [91]]);
  const [plain] = begun(textRequest({ stream: true }));
  assertEquals(["token_ids" in plain.choices[0], "prompt_token_ids" in plain.choices[0]], [
    false,
    false,
  ]);
});

Deno.test("beginAnswer() writes the prompt before the text where it is echoed", () => {
  const request = textRequest({ prompt: 'say "hi"', echo: true, stream: true });
  const [chunk] = begun(request);
  assertEquals(chunk.choices[0].text, 'say "hi" one');
  assertEquals(chunk.choices[0].prompt_token_ids, [11, 12, 13], "vLLM tells them there");
  const ids = begun(
    textRequest({ prompt: "hi", echo: true, stream: true, return_token_ids: true }),
  );
  assertEquals(ids[0].choices[0].text, " one", "in their place, no text");
});

Deno.test("streamAnswer() has a stream's own fields, and the prefill engine's others", () => {
  const body = encodeUtf8("x");
  assertEquals(streamAnswer(resultOf(), body), {
    status: 200,
    headers: [
      ["content-type", "text/event-stream; charset=utf-8"],
      ["cache-control", "no-cache"],
      ["x-a", "b"],
    ],
    body,
  });
});

/** The answer whose first token is also its last. */
function ended(request: TextRequest, result = resultOf()): Answer & { readonly body: Uint8Array } {
  const { deps, context } = handoffParts();
  const answer = endedAnswer(deps, context, { request, prompt: PROMPT }, result);
  const { body } = answer;
  assert(body instanceof Uint8Array);
  return { ...answer, body };
}

Deno.test("endedAnswer() is one whole answer of one token", () => {
  const { status, headers, body } = ended(
    textRequest(),
    resultOf({ finishReason: "stop", stopReason: 7 }),
  );
  assertEquals([status, headers], [200, [["content-type", "application/json"], ["x-a", "b"]]]);
  const answer = JSON.parse(decodeUtf8(body));
  assertEquals(answer, {
    id: "cmpl-r",
    object: "text_completion",
    created: 1_700_000_000,
    model: "m",
    system_fingerprint: "f",
    usage: USAGE,
    choices: [{
      text: " one",
      index: 0,
      logprobs: null,
      finish_reason: "stop",
      stop_reason: 7,
    }],
  });
  const chat = JSON.parse(decodeUtf8(ended(textRequest({}, "chat")).body));
  assertEquals([chat.id, chat.choices[0].message], [
    "chatcmpl-r",
    { role: "assistant", content: " one" },
  ]);
});

Deno.test("endedAnswer() is a whole stream where one was asked for", () => {
  const { headers, body } = ended(textRequest({
    stream: true,
    stream_options: { include_usage: true },
  }));
  assertEquals(headers[0], ["content-type", "text/event-stream; charset=utf-8"]);
  const [chunk, usage, done, ...more] = eventsOf(body);
  assertEquals([chunk.choices[0].text, chunk.choices[0].finish_reason], [" one", "length"]);
  assertEquals([usage.choices, usage.usage, done, more], [[], USAGE, "[DONE]", []]);
  const [, last] = eventsOf(ended(textRequest({ stream: true })).body);
  assertEquals(last, "[DONE]", "no usage that was not asked for");
});

Deno.test("endedAnswer() has no text where a parser has taken it, and the details asked for", () => {
  const asked = { return_token_ids: true, logprobs: 0 };
  const result = resultOf({ text: undefined, logprobs: LOGPROBS });
  const { choices: [choice] } = JSON.parse(decodeUtf8(ended(textRequest(asked), result).body));
  assertEquals([choice.text, choice.token_ids, choice.prompt_token_ids], [
    "",
    [91],
    [11, 12, 13],
  ]);
  assertEquals(choice.logprobs.tokens, [" one"]);
});

Deno.test("endedAnswer() writes what a whole answer's writer does", () => {
  const { deps, context } = handoffParts();
  const request = textRequest();
  const writer = new WholeWriter(identityOf(deps, context, request), resultOf().body);
  beginAnswer(writer, { request, prompt: PROMPT }, resultOf(), " one");
  writer.end(new Uint8Array(0), { finishReason: "length", stopReason: null, usage: USAGE });
  assertEquals(decodeUtf8(ended(request).body), decodeUtf8(writer.take() ?? new Uint8Array(0)));
});
