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
  CLOSE_BRACKET,
  decodeUtf8,
  type Engine,
  OPEN_BRACKET,
  skipSpace,
  unlessMalformed,
} from "../base/mod.ts";
import { scanArray, SMALL_JSON_BYTES } from "../openai/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { idsIn, idsOf, isRefusal, unanswered } from "./reply.ts";
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

async function readRendered(
  engine: Engine,
  path: string,
  reply: JsonReply,
): Promise<RenderEnd> {
  const { status } = reply;
  if (UNSUPPORTED.has(status)) return { kind: "unsupported" };
  if (isRefusal(status)) return { kind: "refused", status };
  const counted = await idsOf(engine, path, reply, await renderedIds(reply));
  return { kind: "tokens", prompt: { ...counted, maxModelLen: undefined } };
}

/** `token_ids` of the answer, or of the only element of a list. */
async function renderedIds(reply: JsonReply): Promise<Uint8Array | undefined> {
  const { body } = reply;
  const start = skipSpace(body, 0);
  const whole = body[start] === OPEN_BRACKET ? onlyElement(body, start) : body;
  if (whole === undefined) return undefined;
  return (await idsIn(reply, whole, "token_ids")).ids;
}

function onlyElement(body: Uint8Array, start: number): Uint8Array | undefined {
  if (body.length > SMALL_JSON_BYTES) {
    // Whatever stands between the brackets is read as one object, or is none.
    const end = body.lastIndexOf(CLOSE_BRACKET);
    return body.subarray(start + 1, Math.max(start + 1, end));
  }
  const elements = unlessMalformed(() => scanArray(body, { start, end: body.length }, 1));
  const [first] = elements ?? [];
  if (first === undefined || decodeUtf8(body.subarray(first.end)).trim() !== "]") return undefined;
  return body.subarray(first.start, first.end);
}
