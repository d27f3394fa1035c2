/** The bytes of the fast engine's answers, made once. @module */
import { concatBytes, encodeUtf8 } from "../../lib/base/mod.ts";

/** The model the fast engine serves. */
export const FAST_MODEL = "fast";

/** Token ids in the answer of `/tokenize`: a usual prompt, and a long one. */
export const USUAL_PROMPT = 64;
export const LONG_PROMPT = 8192;

/** The forms of an answer. */
export type Form = "chat" | "completions";

/** What a stream is written from. */
export interface StreamParts {
  /** Head, and the first event of a chat. */
  readonly head: Uint8Array;
  /** One token, as one chunk. */
  readonly token: Uint8Array;
  /** The last token with its finish reason, `[DONE]`, and the end of the body. */
  readonly end: Uint8Array;
  /** The same with the usage event in it. */
  readonly endWithUsage: Uint8Array;
}

const USAGE = { prompt_tokens: 65, total_tokens: 80, completion_tokens: 15 };

/** A whole JSON answer. */
export function jsonAnswer(value: unknown): Uint8Array {
  const body = JSON.stringify(value);
  return encodeUtf8(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n` +
      body,
  );
}

export const MODELS = jsonAnswer({
  object: "list",
  data: [{
    id: FAST_MODEL,
    object: "model",
    created: 1,
    owned_by: "vllm",
    max_model_len: 1_000_000,
  }],
});

/** The answer of `/tokenize` with `count` ids. */
export function tokenizeAnswer(count: number): Uint8Array {
  const tokens = Array.from({ length: count }, (_, index) => 10_000 + index);
  return jsonAnswer({ count, max_model_len: 1_000_000, tokens });
}

/** The answer of a prefill leg. */
export const PREFILL = jsonAnswer({
  id: "cmpl-0",
  object: "text_completion",
  created: 1,
  model: FAST_MODEL,
  choices: [{ index: 0, text: " token", logprobs: null, finish_reason: "length" }],
  usage: { prompt_tokens: 64, total_tokens: 65, completion_tokens: 1 },
  kv_transfer_params: { first_tok: 11_111 },
});

/** Whole answers by form. */
export const WHOLE: Readonly<Record<Form, Uint8Array>> = {
  chat: jsonAnswer({
    id: "chatcmpl-0",
    object: "chat.completion",
    created: 1,
    model: FAST_MODEL,
    choices: [{
      index: 0,
      message: { role: "assistant", content: " token".repeat(16) },
      logprobs: null,
      finish_reason: "length",
    }],
    usage: USAGE,
  }),
  completions: jsonAnswer({
    id: "cmpl-0",
    object: "text_completion",
    created: 1,
    model: FAST_MODEL,
    choices: [{ index: 0, text: " token".repeat(16), logprobs: null, finish_reason: "length" }],
    usage: USAGE,
  }),
};

const STREAM_HEAD = encodeUtf8(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n" +
    "transfer-encoding: chunked\r\n\r\n",
);
const END_OF_BODY = encodeUtf8("0\r\n\r\n");

/** Streams by form. */
export const STREAMS: Readonly<Record<Form, StreamParts>> = {
  chat: streamParts(
    [chatEvent({ role: "assistant", content: "" }, null)],
    chatEvent({ content: " token" }, null),
    chatEvent({ content: " token" }, "length"),
    "chat.completion.chunk",
  ),
  completions: streamParts(
    [],
    completionEvent(null),
    completionEvent("length"),
    "text_completion",
  ),
};

function streamParts(
  first: readonly Uint8Array[],
  token: Uint8Array,
  last: Uint8Array,
  object: string,
): StreamParts {
  const done = [eventChunk("[DONE]"), END_OF_BODY];
  const usage = eventChunk(
    JSON.stringify({ id: "0", object, created: 1, model: FAST_MODEL, choices: [], usage: USAGE }),
  );
  return {
    head: concatBytes([STREAM_HEAD, ...first]),
    token,
    end: concatBytes([last, ...done]),
    endWithUsage: concatBytes([last, usage, ...done]),
  };
}

function chatEvent(delta: unknown, finish: string | null): Uint8Array {
  return eventChunk(JSON.stringify({
    id: "chatcmpl-0",
    object: "chat.completion.chunk",
    created: 1,
    model: FAST_MODEL,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish, token_ids: null }],
  }));
}

function completionEvent(finish: string | null): Uint8Array {
  return eventChunk(JSON.stringify({
    id: "cmpl-0",
    object: "text_completion",
    created: 1,
    model: FAST_MODEL,
    choices: [{
      index: 0,
      text: " token",
      logprobs: null,
      finish_reason: finish,
      stop_reason: null,
      prompt_token_ids: null,
      token_ids: null,
    }],
  }));
}

function eventChunk(data: string): Uint8Array {
  const event = `data: ${data}\n\n`;
  return encodeUtf8(`${event.length.toString(16)}\r\n${event}\r\n`);
}
