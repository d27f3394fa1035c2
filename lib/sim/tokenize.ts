/** `/tokenize` and `/detokenize`. Source: vLLM `vllm/entrypoints/serve/tokenize/`. @module */
import type { ApiError } from "./api_error.ts";
import { chatPromptIds } from "./chat_prompt.ts";
import type { Call } from "./inference.ts";
import { isInteger, type JsonObject } from "./json.ts";
import { boolField } from "./sampling.ts";
import { decodeIds, encodeText, tokenText } from "./tokenizer.ts";
import { type FieldProblem, invalidBody, invalidField, missingField } from "./validation.ts";

/** Answer the completion form (`prompt`) or the chat form (`messages`). */
export async function tokenize(call: Call): Promise<void> {
  const { body, core, reply } = call;
  const { prompt } = body;
  const { messages } = body;
  let tokens: readonly number[];
  if (Array.isArray(messages)) {
    tokens = chatPromptIds(body);
  } else if (typeof prompt === "string") {
    tokens = encodeText(prompt, { bos: boolField(body, "add_special_tokens", true) });
  } else {
    throw invalidBody([
      wrongOrMissing(body, "prompt", "string_type", "Input should be a valid string"),
      wrongOrMissing(body, "messages", "list_type", "Input should be a valid list"),
    ]);
  }
  const strings = boolField(body, "return_token_strs") ? tokens.map(tokenText) : null;
  await reply.json(
    200,
    JSON.stringify({
      count: tokens.length,
      max_model_len: core.options.maxModelLen,
      tokens,
      token_strs: strings,
    }),
  );
}

/** Answer with the text of `tokens`. */
export async function detokenize(call: Call): Promise<void> {
  const { tokens } = call.body;
  if (tokens === undefined || tokens === null) throw missingField("tokens", call.body);
  if (!Array.isArray(tokens)) {
    throw invalidField("list_type", "tokens", "Input should be a valid list", tokens);
  }
  const items: readonly unknown[] = tokens;
  const wrong = items.findIndex((id) => !isInteger(id) || id < 0);
  if (wrong >= 0) throw wrongId(wrong, items[wrong]);
  await call.reply.json(200, JSON.stringify({ prompt: decodeIds(items.filter(isInteger)) }));
}

/** What pydantic says of one of the two forms of a `/tokenize` request. */
function wrongOrMissing(
  body: JsonObject,
  key: string,
  type: string,
  message: string,
): FieldProblem {
  return body[key] === undefined
    ? { type: "missing", at: key, message: "Field required", input: body }
    : { type, at: key, message, input: body[key] };
}

function wrongId(index: number, id: unknown): ApiError {
  const at = `tokens.${index}`;
  if (!isInteger(id)) return invalidField("int_type", at, "Input should be a valid integer", id);
  const message = "Input should be greater than or equal to 0";
  return invalidBody([
    { type: "greater_than_equal", at, message, input: id, context: "'ge': 0" },
  ]);
}
