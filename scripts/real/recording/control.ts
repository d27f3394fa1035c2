/** Endpoints besides generation, and paths there are not. @module */
import type { ExchangeGroup } from "./exchange.ts";
import { IDS, MODEL, post, TOOL } from "./requests.ts";

const MESSAGES = [{ role: "user", content: "Hello" }];
const get = (path: string, method = "GET") => ({
  name: `${method} ${path}`,
  method,
  path,
});

export const CONTROL: ExchangeGroup = {
  name: "control",
  about: "Endpoints besides generation, of an engine with default flags",
  exchanges: [
    get("/v1/models"),
    get("/health"),
    get("/ping"),
    get("/version"),
    get("/load"),
    get("/metrics"),
    get("/nowhere"),
    get("/v1/nowhere"),
    get("/v1/completions"),
    get("/v1/chat/completions"),
    get("/tokenize"),
    get("/health", "POST"),
    get("/ping", "POST"),
    get("/health", "HEAD"),
    get("/is_sleeping"),
    post("tokenize: text", "/tokenize", { model: MODEL, prompt: "Hello world" }),
    post("tokenize: no model", "/tokenize", { prompt: "Hello world" }),
    post("tokenize: no special tokens", "/tokenize", {
      model: MODEL,
      prompt: "Hello world",
      add_special_tokens: false,
    }),
    post("tokenize: token strings", "/tokenize", {
      model: MODEL,
      prompt: "Hello world",
      return_token_strs: true,
    }),
    post("tokenize: empty text", "/tokenize", { model: MODEL, prompt: "" }),
    post("tokenize: list of texts", "/tokenize", { model: MODEL, prompt: ["a", "b"] }),
    post("tokenize: ids", "/tokenize", { model: MODEL, prompt: IDS }),
    post("tokenize: nothing", "/tokenize", { model: MODEL }),
    post("tokenize: unknown model", "/tokenize", { model: "other", prompt: "a" }),
    post("tokenize: unknown field", "/tokenize", { model: MODEL, prompt: "a", colour: "red" }),
    post("tokenize: messages", "/tokenize", { model: MODEL, messages: MESSAGES }),
    post("tokenize: messages with tools", "/tokenize", {
      model: MODEL,
      messages: MESSAGES,
      tools: [TOOL],
    }),
    post("tokenize: messages to continue", "/tokenize", {
      model: MODEL,
      messages: [...MESSAGES, { role: "assistant", content: "I am" }],
      add_generation_prompt: false,
      continue_final_message: true,
    }),
    post("tokenize: messages both ways", "/tokenize", {
      model: MODEL,
      messages: MESSAGES,
      add_generation_prompt: true,
      continue_final_message: true,
    }),
    post("tokenize: no messages", "/tokenize", { model: MODEL, messages: [] }),
    post("tokenize: messages of a wrong type", "/tokenize", { model: MODEL, messages: "Hello" }),
    { name: "tokenize: broken JSON", path: "/tokenize", text: '{"model": "m", ' },
    post("detokenize: ids", "/detokenize", { model: MODEL, tokens: IDS }),
    post("detokenize: no ids", "/detokenize", { model: MODEL, tokens: [] }),
    post("detokenize: text", "/detokenize", { model: MODEL, tokens: "a" }),
    post("detokenize: negative id", "/detokenize", { model: MODEL, tokens: [-1] }),
    post("detokenize: nothing", "/detokenize", { model: MODEL }),
  ],
};
