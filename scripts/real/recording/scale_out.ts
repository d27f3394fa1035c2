/** The endpoints of `--enable-scale-out`: render, derender, tokens in and out. @module */
import type { ExchangeGroup, Json } from "./exchange.ts";
import { CHAT_PATH, COMPLETIONS_PATH, IDS, MODEL, post, TOOL } from "./requests.ts";

const MESSAGES = [{ role: "user", content: "Hello" }];
const GENERATE = "/inference/v1/generate";
const SAMPLING = { max_tokens: 3, temperature: 0, ignore_eos: true };

function generate(name: string, fields: Readonly<Record<string, Json>>) {
  const body = { model: MODEL, token_ids: IDS, sampling_params: SAMPLING, ...fields };
  return post(`generate: ${name}`, GENERATE, body, "parsers");
}

export const SCALE_OUT: ExchangeGroup = {
  name: "scale_out",
  about: "Endpoints of --enable-scale-out",
  exchanges: [
    post("render chat", `${CHAT_PATH}/render`, { model: MODEL, messages: MESSAGES }, "parsers"),
    post("render chat with all kinds of fields", `${CHAT_PATH}/render`, {
      model: MODEL,
      messages: MESSAGES,
      tools: [TOOL],
      max_tokens: 5,
      stop: ["a"],
      logprobs: true,
      top_logprobs: 2,
      stream: true,
      kv_transfer_params: { do_remote_decode: true },
    }, "parsers"),
    post("render chat, empty", `${CHAT_PATH}/render`, { model: MODEL, messages: [] }, "parsers"),
    post("render chat, unknown model", `${CHAT_PATH}/render`, {
      model: "other",
      messages: MESSAGES,
    }, "parsers"),
    post("render chat, too long", `${CHAT_PATH}/render`, {
      model: MODEL,
      messages: [{ role: "user", content: { $text: ["x", 9000] } }],
    }, "parsers"),
    post("render chat, limit too large", `${CHAT_PATH}/render`, {
      model: MODEL,
      messages: MESSAGES,
      max_tokens: 5000,
    }, "parsers"),
    post("render completion", `${COMPLETIONS_PATH}/render`, {
      model: MODEL,
      prompt: "Hello",
    }, "parsers"),
    post("render completion of ids", `${COMPLETIONS_PATH}/render`, {
      model: MODEL,
      prompt: IDS,
      max_tokens: 4,
    }, "parsers"),
    post("render completion of two", `${COMPLETIONS_PATH}/render`, {
      model: MODEL,
      prompt: ["Hello", "Goodbye"],
    }, "parsers"),
    post("render completion, empty", `${COMPLETIONS_PATH}/render`, {
      model: MODEL,
      prompt: "",
    }, "parsers"),
    generate("plain", {}),
    generate("streamed", { stream: true }),
  ],
};
