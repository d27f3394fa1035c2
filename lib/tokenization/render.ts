/**
 * Prompts as the render endpoints give them: the client's own request, turned into ids by the very
 * code that would serve it.
 *
 * Source: vLLM `vllm/entrypoints/serve/render/api_router.py`: `/v1/chat/completions/render` answers
 * with a `GenerateRequest`, `/v1/completions/render` with a list of them.
 * @module
 */
import {
  type ByteParts,
  decodeUtf8,
  type Engine,
  OPEN_BRACKET,
  skipSpace,
  unlessMalformed,
} from "../base/mod.ts";
import { scanArray } from "../openai/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { idsOf, readJson, unanswered } from "./reply.ts";
import type { TokenizeEnd } from "./tokenizer.ts";

/** A request to a render endpoint. */
export interface RenderRequest {
  readonly path: string;
  readonly body: () => ByteParts;
}

/** How rendering ended: many engines have no such endpoint. */
export type RenderEnd = TokenizeEnd | { readonly kind: "unsupported" };

/**
 * Statuses of engines without the endpoint, and of vLLM's without `--enable-scale-out`.
 *
 * Source: vLLM `vllm/entrypoints/scale_out/factories.py` (403).
 */
const UNSUPPORTED = new Set([403, 404, 405, 501]);

/**
 * Ids of the prompt of a client's request, by `engine`.
 * Rejects with `tokenize-failed` when the engine fails or answers nonsense, `client-gone` on abort.
 */
export async function renderPrompt(
  post: PostJson,
  engine: Engine,
  request: RenderRequest,
  caller: Caller,
): Promise<RenderEnd> {
  const { path, body } = request;
  return await post(engine, {
    path,
    body: body(),
    read: (reply) => readRendered(engine, path, reply),
    failure: unanswered(engine),
  }, caller);
}

function readRendered(engine: Engine, path: string, reply: JsonReply): RenderEnd {
  const { status } = reply;
  if (UNSUPPORTED.has(status)) return { kind: "unsupported" };
  if (status >= 400 && status < 500) return { kind: "refused", status };
  const counted = idsOf(engine, path, reply, renderedIds(reply));
  return { kind: "tokens", prompt: { ...counted, maxModelLen: undefined } };
}

/** `token_ids` of the answer, or of the only element of a list. */
function renderedIds({ body }: JsonReply): Uint8Array | undefined {
  const start = skipSpace(body, 0);
  const whole = body[start] === OPEN_BRACKET ? onlyElement(body, start) : body;
  return whole === undefined ? undefined : readJson(whole)?.raw("token_ids");
}

function onlyElement(body: Uint8Array, start: number): Uint8Array | undefined {
  const elements = unlessMalformed(() => scanArray(body, { start, end: body.length }, 1));
  const [first] = elements ?? [];
  if (first === undefined || decodeUtf8(body.subarray(first.end)).trim() !== "]") return undefined;
  return body.subarray(first.start, first.end);
}
