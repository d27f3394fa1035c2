/**
 * Prompts as the render endpoints give them: the client's own request, turned into ids by the very
 * code that would serve it.
 *
 * Source: vLLM `vllm/entrypoints/serve/render/api_router.py`: `/v1/chat/completions/render` answers
 * with a `GenerateRequest`, `/v1/completions/render` with a list of them.
 * @module
 */
import {
  type Breather,
  type ByteParts,
  type Engine,
  inSlices,
  OPEN_BRACKET,
  skipSpace,
  type Sliced,
} from "../base/mod.ts";
import { JsonScanError, JsonWalk } from "../openai/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { isRefusal, readingIds, readingJson, unanswered } from "./reply.ts";
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
  breather?: Breather,
): Promise<RenderEnd> {
  const { path, body } = request;
  return await post(engine, {
    path,
    body: body(),
    read: (reply) => inSlices(readingRendered(engine, path, reply), breather),
    failure: unanswered(engine),
  }, caller);
}

function* readingRendered(engine: Engine, path: string, reply: JsonReply): Sliced<RenderEnd> {
  const { status } = reply;
  if (UNSUPPORTED.has(status)) return { kind: "unsupported" };
  if (isRefusal(status)) return { kind: "refused", status };
  const counted = yield* readingIds(engine, path, reply, yield* renderedIds(reply));
  return { kind: "tokens", prompt: { ...counted, maxModelLen: undefined } };
}

/** `token_ids` of the answer, or of the only element of a list. */
function* renderedIds({ body }: JsonReply): Sliced<Uint8Array | undefined> {
  const start = skipSpace(body, 0);
  const whole = body[start] === OPEN_BRACKET ? yield* onlyElement(body, start) : body;
  return whole === undefined ? undefined : (yield* readingJson(whole))?.raw("token_ids");
}

function* onlyElement(body: Uint8Array, start: number): Sliced<Uint8Array | undefined> {
  const walk = new JsonWalk(body, start, { root: OPEN_BRACKET, depth: 1, whole: true });
  try {
    yield* walk.going();
    if ((yield* walk.going()) !== "value") return undefined;
    const only = body.subarray(walk.start, walk.at);
    yield* walk.going();
    return (yield* walk.going()) === "end" ? only : undefined;
  } catch (error) {
    if (error instanceof JsonScanError) return undefined;
    throw error;
  }
}
