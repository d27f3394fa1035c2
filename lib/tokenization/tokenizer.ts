/**
 * Prompt to token ids and back, by the engines' own tokenizer. Ids stay JSON text: a prompt of
 * thousands of tokens is spliced into the legs without ever becoming numbers.
 *
 * Source: vLLM `vllm/entrypoints/serve/tokenize/protocol.py`.
 * @module
 */
import { type ByteParts, encodeUtf8, type Engine, RouterError } from "../base/mod.ts";
import { SMALL_JSON_BYTES } from "../openai/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { idsIn, idsOf, isRefusal, readJson, unanswered, valueIn } from "./reply.ts";

/** A prompt as token ids. */
export interface PromptTokens {
  /** JSON text of the id list, from `[` to `]`. */
  readonly ids: Uint8Array;
  readonly count: number;
  /** The engine's context length in tokens, when it said so. */
  readonly maxModelLen: number | undefined;
}

/** How a tokenization ended: an engine may know no such endpoint, or refuse the prompt. */
export type TokenizeEnd =
  | { readonly kind: "tokens"; readonly prompt: PromptTokens }
  | { readonly kind: "refused"; readonly status: number };

/** Tokenizes on an engine. */
export interface Tokenizer {
  /**
   * Ids of the prompt that `body` (a `/tokenize` request) describes.
   * Rejects with `tokenize-failed` when the engine fails or answers nonsense, `client-gone` on abort.
   */
  tokenize(engine: Engine, body: ByteParts, caller: Caller): Promise<TokenizeEnd>;
  /** Text of `ids`; undefined when the engine cannot say. Rejects with `client-gone` on abort. */
  detokenize(
    engine: Engine,
    model: string,
    ids: readonly number[],
    caller: Caller,
  ): Promise<string | undefined>;
}

/** A tokenizer that asks the engines over `post`. */
export function remoteTokenizer(post: PostJson): Tokenizer {
  return {
    async tokenize(engine, body, caller) {
      return await post(engine, {
        path: "/tokenize",
        body,
        read: (reply) => readEnd(engine, reply),
        failure: unanswered(engine),
      }, caller);
    },
    async detokenize(engine, model, ids, caller) {
      const body = encodeUtf8(JSON.stringify({ model, tokens: ids }));
      try {
        return await post(engine, {
          path: "/detokenize",
          body: [body],
          read: readPrompt,
          failure: (cause) => cause,
        }, caller);
      } catch (error) {
        if (error instanceof RouterError && error.code !== "client-gone") return undefined;
        throw error;
      }
    },
  };
}

function readPrompt({ status, body }: JsonReply): string | undefined {
  // The text of a few tokens is small.
  const answered = status === 200 && body.length <= SMALL_JSON_BYTES;
  const prompt = answered ? valueIn(readJson(body), "prompt") : undefined;
  return typeof prompt === "string" ? prompt : undefined;
}

async function readEnd(engine: Engine, reply: JsonReply): Promise<TokenizeEnd> {
  const { status } = reply;
  return isRefusal(status)
    ? { kind: "refused", status }
    : { kind: "tokens", prompt: await readTokens(engine, reply) };
}

async function readTokens(engine: Engine, reply: JsonReply): Promise<PromptTokens> {
  const { rest, ids } = await idsIn(reply, reply.body, "tokens");
  const counted = await idsOf(engine, "/tokenize", reply, ids);
  const maxModelLen = valueIn(rest, "max_model_len");
  return {
    ...counted,
    maxModelLen: typeof maxModelLen === "number" ? maxModelLen : undefined,
  };
}
