/**
 * The render endpoints: a request as the ids it would be served with, without serving it.
 * Source: vLLM `vllm/entrypoints/serve/render/api_router.py` and
 * `vllm/entrypoints/serve/disagg/protocol.py` (`GenerateRequest`).
 * @module
 */
import { chatPromptIds } from "./chat_prompt.ts";
import { parsePrompts } from "./completions.ts";
import { type Call, requestIdOf } from "./inference.ts";
import type { TokenIds } from "./tokenizer.ts";

/** Answer a chat request with a `GenerateRequest`. */
export async function renderChatRequest(call: Call): Promise<void> {
  const id = `chatcmpl-${requestIdOf(call)}`;
  await call.reply.json(200, JSON.stringify(generateRequest(call, id, chatPromptIds(call.body))));
}

/** Answer a completion request with a `GenerateRequest` for each of its prompts. */
export async function renderCompletion(call: Call): Promise<void> {
  const id = `cmpl-${requestIdOf(call)}`;
  const prompts = parsePrompts(call.body["prompt"]);
  const requests = prompts.map((ids, index) => generateRequest(call, `${id}-${index}`, ids));
  await call.reply.json(200, JSON.stringify(requests));
}

function generateRequest(call: Call, id: string, ids: TokenIds): Readonly<Record<string, unknown>> {
  return {
    request_id: id,
    token_ids: ids,
    features: null,
    sampling_params: {},
    model: call.model,
    stream: call.body["stream"] === true,
  };
}
