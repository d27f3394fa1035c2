/** Bodies of requests to generate, right and wrong. @module */
import type { Corpus } from "../mutate.ts";
import { JSON_SEEDS, JSON_WORDS } from "./json.ts";

/** Such bodies. */
export const REQUEST_SEEDS: readonly string[] = [
  '{"model":"m","prompt":"a","max_tokens":5}',
  '{"model":"m","prompt":["a","b"],"n":2,"stream":true,"stream_options":{"include_usage":true}}',
  '{"model":"m","prompt":[1,2,3],"logprobs":3,"echo":true,"stop":["x","y"]}',
  '{"model":"m","prompt":[[1,2],[3]],"min_tokens":1,"stream":"true"}',
  '{"model":"m","prompt":[1.0,"2",true],"return_token_ids":1,"suffix":"s"}',
  '{"model":"","prompt":[],"stop":"","stream_options":null}',
  '{"model":"m","prompt_embeds":"AAAA","best_of":2,"use_beam_search":"no"}',
  '{"model":"m","messages":[{"role":"user","content":"a"}],"max_completion_tokens":"16"}',
  '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},' +
  '{"type":"image_url","image_url":{"url":"data:"}}]}],"stream":1,"top_logprobs":2,"logprobs":true}',
  '{"model":"m","messages":[],"tools":[{"type":"function"}],"tool_choice":"none",' +
  '"response_format":{"type":"json_object"},"modalities":["text"]}',
  '{"model":"m","input":"a","max_output_tokens":16.0,"stream":false}',
  '{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":16,"system":"s"}',
  '{"model":"m","query":"a","documents":["b"],"queries":["a"],"items":["b"]}',
  '{"text_1":"a","text_2":"b","data_1":1,"data_2":2,"data":3}',
  '{"model":"m","prompt":"a","kv_transfer_params":{"a":1},"priority":1,"seed":-1}',
  '{"model":1,"stream":"maybe","prompt":{"a":1}}',
];

/** Requests, and what else is JSON. */
export const REQUESTS: Corpus = {
  seeds: [...REQUEST_SEEDS, ...REQUEST_SEEDS, ...JSON_SEEDS],
  words: [
    ...JSON_WORDS,
    '"model":"m",',
    '"prompt":',
    '"messages":',
    '"stream":true,',
    '"max_tokens":1,',
    '"content":[{"type":"text"}],',
    "[1,2,3]",
    "[[1],[2]]",
    '["a","b"]',
    "1_000",
    '" 16 "',
  ],
  lineEnd: ",",
};
