/** What engines answer: JSON and events, right and wrong. @module */
import type { Corpus } from "../mutate.ts";
import { utf8Text } from "../text.ts";
import { JSON_SEEDS, JSON_WORDS } from "./json.ts";

/** Data of the events of one stream, in their order. */
export const EVENT_DATA: readonly string[] = [
  '{"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"a",' +
  '"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}',
  '{"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":" b\\n",' +
  '"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}',
  utf8Text('{"id":"c","choices":[{"text":"é\\ud83d\\ude00","index":1}]}'),
  '{"id":"c","choices":[{"index":0,"text":"\\"text\\":\\"x\\"","token_ids":[1],"prompt_token_ids":[2]}]}',
  '{"id":"c","choices":[{"index":0,"text":"","finish_reason":"stop","stop_reason":7}]}',
  '{"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}',
  '{"error":{"message":"no","type":"BadRequestError","param":null,"code":400}}',
  '{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}',
  '{"type":"response.failed","response":{"status":"failed","error":{"message":"a"}}}',
  '{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}',
  "[DONE]",
  "[]",
  "{",
];

/** Whole answers. */
const WHOLE: readonly string[] = [
  '{"id":"c","choices":[{"index":0,"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-0.5],' +
  '"top_logprobs":[{"a":-0.5,"b":-1.0}],"text_offset":[0]},"finish_reason":"length",' +
  '"prompt_token_ids":[1,2,3]}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4},' +
  '"kv_transfer_params":{"remote_block_ids":[[1,2]],"remote_engine_id":"e","first_tok":17}}',
  '{"prompt_token_ids":[1,2],"choices":[{"message":{"content":"a"},"logprobs":{"content":[' +
  '{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[{"token":"a","logprob":-0.5}]}]}}]}',
  '{"object":"list","data":[{"id":"m","object":"model","max_model_len":4096},{"id":1},null]}',
  '{"count":3,"max_model_len":4096,"tokens":[1,2,3],"token_strs":null}',
  '[{"token_ids":[1,2,3],"request_id":"r"}]',
  '{"token_ids":[ 1 , 20,\\t300 ]}',
  '{"prompt":"a"}',
  '{"detail":"Not Found"}',
  '{"message":"m","code":400}',
  '{"error":"text"}',
  '{"choices":[{"finish_reason":"error"}]}',
];

/** Words that engines' answers are made of. */
const WORDS: readonly string[] = [
  ...JSON_WORDS,
  '"text":"',
  '"choices":[{',
  '"prompt_token_ids":[',
  '"logprobs":{',
  '"usage":{',
  '"error":',
  '"finish_reason":"error"',
  '"token_ids":[1,2]',
  "[DONE]",
  "1,2,3,",
];

/** Whole answers, and what else is JSON. */
export const ANSWERS: Corpus = {
  seeds: [...WHOLE, ...WHOLE, ...EVENT_DATA, ...JSON_SEEDS],
  words: WORDS,
  lineEnd: ",",
  maxBytes: 256_000,
};

/** Data of several events, one in each line. */
export const EVENTS: Corpus = {
  seeds: [
    EVENT_DATA.join("\n"),
    EVENT_DATA.slice(0, 2).join("\n"),
    ...EVENT_DATA,
    ...JSON_SEEDS.slice(0, 16),
    `{"choices":[{"text":"a","x":${"[".repeat(20_000)}${"]".repeat(20_000)}}]}`,
  ],
  words: [...WORDS, "\n"],
  maxBytes: 256_000,
};

/** Bytes of streams of events. */
export const STREAMS: Corpus = {
  seeds: [
    EVENT_DATA.map((data) => `data: ${data}\n\n`).join(""),
    "data: a\n\ndata: b\n\ndata: [DONE]\n\n",
    ": ping\n\nevent: x\ndata: a\ndata:b\ndata\nid: 1\nretry: 5\n\n",
    "data: a\r\n\r\ndata: b\r\rdata: c\n\r\n",
    "\xef\xbb\xbfdata: a\n\n",
    "data:  two\n\n\n\ndatax: b\ndata\n\n:only\n\n",
    'event: error\ndata: {"error":{"message":"a"}}\n\n',
    utf8Text("data: é😀\n\n"),
    "data: cut",
    '{"error":"no stream"}',
  ],
  words: [
    "data: ",
    "data:",
    "data",
    "event: ",
    ":",
    ": ping",
    "id: 1",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\r\r",
    "\xef\xbb\xbf",
    ...EVENT_DATA,
  ],
};
