/** What an engine in memory answers: as vLLM does, as far as the router reads it. @module */
import { encodeUtf8, jsonOf, recordOf } from "../base/mod.ts";

/** The one model there is. */
export const MODEL = "warm-up";

/** Tokens of an answer. */
const TOKENS = 12;

/** What an engine is asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
}

/** An answer, in the pieces in which it is written. */
export interface Answered {
  readonly pieces: readonly Uint8Array[];
  /** Set on an answer to a prefill whose KV is told of: under which id. */
  readonly kvReady?: string;
}

const MODELS = { object: "list", data: [{ id: MODEL, object: "model", max_model_len: 8192 }] };
const TOKENIZED = { count: 4, max_model_len: 8192, tokens: [11, 12, 13, 14] };
const USAGE = { prompt_tokens: 4, completion_tokens: TOKENS, total_tokens: 4 + TOKENS };

/** What vLLM's NixlConnector says of KV that is to be fetched. */
const NIXL_PARAMS = {
  do_remote_prefill: true,
  do_remote_decode: false,
  remote_block_ids: [[1]],
  remote_engine_id: MODEL,
  remote_request_id: MODEL,
  remote_host: "127.0.0.1",
  remote_port: 1,
};

/** Answer one request. */
export function answerOf({ method, path, body }: Asked): Answered {
  if (path === "/v1/models") return whole(200, MODELS);
  if (method !== "POST") return whole(404, { detail: "Not Found" });
  if (path === "/tokenize") return whole(200, TOKENIZED);
  if (path === "/detokenize") return whole(200, { prompt: " one" });
  const form = FORMS[path];
  return form === undefined ? whole(404, { detail: "Not Found" }) : generated(form, body);
}

/** How an endpoint says a piece of text, in a whole answer and in an event. */
interface Form {
  readonly whole: string;
  readonly event: string;
  readonly choice: (text: string) => object;
  readonly delta: (text: string) => object;
}

const FORMS: Readonly<Record<string, Form>> = {
  "/v1/completions": {
    whole: "text_completion",
    event: "text_completion",
    choice: (text) => ({ text, logprobs: null, stop_reason: null }),
    delta: (text) => ({ text, logprobs: null, stop_reason: null }),
  },
  "/v1/chat/completions": {
    whole: "chat.completion",
    event: "chat.completion.chunk",
    choice: (content) => ({ message: { role: "assistant", content }, logprobs: null }),
    delta: (content) => ({ delta: { content }, logprobs: null }),
  },
};

function generated(form: Form, body: Uint8Array): Answered {
  const asked = recordOf(jsonOf(body)) ?? {};
  const params = recordOf(asked["kv_transfer_params"]) ?? {};
  const isPrefill = asked["max_tokens"] === 1 || asked["max_completion_tokens"] === 1;
  if (isPrefill) return prefilled(form, params);
  return asked["stream"] === true ? streamed(form) : whole(200, {
    ...head(form.whole),
    choices: [{ index: 0, ...form.choice(" token".repeat(TOKENS)), finish_reason: "stop" }],
    usage: USAGE,
  });
}

function prefilled(form: Form, params: Readonly<Record<string, unknown>>): Answered {
  const reqId = recordOf(params["disagg_spec"])?.["req_id"];
  const told = params["do_remote_decode"] === true ? NIXL_PARAMS : { first_tok: 91 };
  const answer = whole(200, {
    ...head(form.whole),
    choices: [{ index: 0, ...form.choice(" one"), finish_reason: "length" }],
    usage: { ...USAGE, completion_tokens: 1, total_tokens: 5 },
    kv_transfer_params: told,
  });
  return typeof reqId === "string" ? { ...answer, kvReady: reqId } : answer;
}

function streamed(form: Form): Answered {
  const events = Array.from({ length: TOKENS }, (_, index) => ({
    ...head(form.event),
    choices: [{
      index: 0,
      ...form.delta(" token"),
      finish_reason: index === TOKENS - 1 ? "stop" : null,
    }],
  }));
  const texts = [...events.map((event) => JSON.stringify(event)), "[DONE]"];
  const beginning = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n" +
    "transfer-encoding: chunked\r\n\r\n";
  return {
    pieces: [beginning, ...texts.map((text) => chunk(`data: ${text}\n\n`)), "0\r\n\r\n"].map(
      encodeUtf8,
    ),
  };
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

function head(object: string): object {
  return { id: "cmpl-warm-up", object, created: 1, model: MODEL };
}

function whole(status: number, value: object): Answered {
  const text = JSON.stringify(value);
  const fields = `content-type: application/json\r\ncontent-length: ${text.length}\r\n`;
  return { pieces: [encodeUtf8(`HTTP/1.1 ${status} OK\r\n${fields}\r\n${text}`)] };
}
