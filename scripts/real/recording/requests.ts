/** Short ways to write requests whose answers have a known number of tokens. @module */
import type { Exchange, Json, Target } from "./exchange.ts";

/** Members of a request body. */
export type Fields = Readonly<Record<string, Json>>;

export const COMPLETIONS_PATH = "/v1/completions";
export const CHAT_PATH = "/v1/chat/completions";

/** The model every engine serves. */
export const MODEL = "m";

/** Token ids that are plain characters to any of the engines. */
export const IDS: readonly number[] = [40, 41, 42, 43, 44, 45];

/** Four tokens, no more and no fewer. */
const FOUR: Fields = { max_tokens: 4, temperature: 0, ignore_eos: true };

/** A function to call. */
export const TOOL: Json = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather of a city",
    parameters: {
      type: "object",
      properties: { city: { enum: ["Oslo", "Rome"] } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};

/** A `response_format` that leaves an answer little choice. */
export const TRIP: Json = {
  type: "json_schema",
  json_schema: {
    name: "trip",
    schema: {
      type: "object",
      properties: { days: { type: "integer", minimum: 2, maximum: 4 } },
      required: ["days"],
      additionalProperties: false,
    },
  },
};

/** A completion request; fields given as null are sent as null, as undefined not at all. */
export function completion(
  name: string,
  fields: Readonly<Record<string, Json | undefined>> = {},
  target: Target = "engine",
): Exchange {
  const body = { model: MODEL, prompt: "Hello world", ...FOUR, ...fields };
  return {
    name: `completions: ${name}`,
    ...asking(target),
    path: COMPLETIONS_PATH,
    body: defined(body),
  };
}

/** A chat request. */
export function chat(
  name: string,
  fields: Readonly<Record<string, Json | undefined>> = {},
  target: Target = "engine",
): Exchange {
  const body = { model: MODEL, messages: [{ role: "user", content: "Hello" }], ...FOUR, ...fields };
  return { name: `chat: ${name}`, ...asking(target), path: CHAT_PATH, body: defined(body) };
}

/** `exchange` whole, and streamed. */
export function both(exchange: Exchange): readonly Exchange[] {
  const { name, body } = exchange;
  const streamed = { ...(body as Fields), stream: true };
  return [exchange, { ...exchange, name: `${name}, streamed`, body: streamed }];
}

/** Any other request with a JSON body. */
export function post(name: string, path: string, body: Json, target: Target = "engine"): Exchange {
  return { name, ...asking(target), path, body };
}

function asking(target: Target): Pick<Exchange, "target"> {
  return target === "engine" ? {} : { target };
}

function defined(fields: Readonly<Record<string, Json | undefined>>): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
