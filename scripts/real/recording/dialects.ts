/** `/v1/responses` and `/v1/messages`, briefly, and endpoints that are off by default. @module */
import type { ExchangeGroup } from "./exchange.ts";
import { both, CHAT_PATH, COMPLETIONS_PATH, IDS, MODEL, post } from "./requests.ts";

const MESSAGES = [{ role: "user", content: "Hello" }];
const RESPONSES = "/v1/responses";
const MESSAGES_PATH = "/v1/messages";
const four = { model: MODEL, messages: MESSAGES, max_tokens: 4, temperature: 0 };

export const DIALECTS: ExchangeGroup = {
  name: "dialects",
  about: "/v1/responses, /v1/messages, and scale-out endpoints, of an engine with default flags",
  exchanges: [
    ...both(post("responses: text", RESPONSES, {
      model: MODEL,
      input: "Hello",
      max_output_tokens: 4,
      temperature: 0,
    })),
    post("responses: messages", RESPONSES, {
      model: MODEL,
      instructions: "Be brief",
      input: MESSAGES,
      max_output_tokens: 4,
      temperature: 0,
    }),
    post("responses: no input", RESPONSES, { model: MODEL }),
    post("responses: unknown model", RESPONSES, { model: "other", input: "Hello" }),
    post("responses: unknown earlier one", RESPONSES, {
      model: MODEL,
      input: "Hello",
      previous_response_id: "resp_unknown",
    }),
    { name: "responses: get", method: "GET", path: `${RESPONSES}/resp_unknown` },
    ...both(post("messages: text", MESSAGES_PATH, four)),
    post("messages: system", MESSAGES_PATH, { ...four, system: "Be brief" }),
    post("messages: no limit", MESSAGES_PATH, { model: MODEL, messages: MESSAGES }),
    post("messages: no messages", MESSAGES_PATH, { model: MODEL, max_tokens: 4 }),
    post("messages: unknown model", MESSAGES_PATH, { ...four, model: "other" }),
    post("messages: limit too large", MESSAGES_PATH, { ...four, max_tokens: 5000 }),
    post("messages: count", `${MESSAGES_PATH}/count_tokens`, { model: MODEL, messages: MESSAGES }),
    { name: "messages: broken JSON", path: MESSAGES_PATH, text: "{" },
    post("render chat, off", `${CHAT_PATH}/render`, { model: MODEL, messages: MESSAGES }),
    post("render completion, off", `${COMPLETIONS_PATH}/render`, { model: MODEL, prompt: "Hello" }),
    post("derender chat, off", `${CHAT_PATH}/derender`, {}),
    post("generate, off", "/inference/v1/generate", {
      token_ids: IDS,
      sampling_params: { max_tokens: 3 },
    }),
    post("embeddings of a generating model", "/v1/embeddings", { model: MODEL, input: "Hello" }),
    post("rerank of a generating model", "/v1/rerank", {
      model: MODEL,
      query: "a",
      documents: ["b"],
    }),
  ],
};
