/** `/tokenize` and `/detokenize`. Source: vLLM `vllm/entrypoints/serve/tokenize/`. @module */
import { badRequest } from "./api_error.ts";
import { chatPromptIds } from "./chat_prompt.ts";
import type { Call } from "./inference.ts";
import { isIdList } from "./json.ts";
import { boolField } from "./sampling.ts";
import { decodeIds, encodeText, tokenText } from "./tokenizer.ts";
import { VOCAB_SIZE } from "./vocabulary.ts";

/** Answer the completion form (`prompt`) or the chat form (`messages`). */
export async function tokenize(call: Call): Promise<void> {
  const { body, core, reply } = call;
  const { prompt } = body;
  let tokens: readonly number[];
  if (body["messages"] !== undefined) {
    tokens = chatPromptIds(body);
  } else if (typeof prompt === "string") {
    tokens = encodeText(prompt, { bos: boolField(body, "add_special_tokens", true) });
  } else {
    throw badRequest("prompt: Input should be a valid string", "prompt");
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
  if (!isIdList(tokens)) {
    throw badRequest("tokens: Input should be a list of integers of at least 0", "tokens");
  }
  if (tokens.some((id) => id >= VOCAB_SIZE)) {
    throw badRequest("tokens: a token id is out of vocabulary", "tokens");
  }
  await call.reply.json(200, JSON.stringify({ prompt: decodeIds(tokens) }));
}
