/**
 * Prompt to token ids and back, by the engines' own tokenizer. Ids stay JSON text: a prompt of
 * thousands of tokens is spliced into the legs without ever becoming numbers.
 *
 * Source: vLLM `vllm/entrypoints/serve/tokenize/protocol.py`.
 * @module
 */
import {
  type Breather,
  type ByteParts,
  encodeUtf8,
  type Engine,
  inSlices,
  RouterError,
  type Sliced,
} from "../base/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { isRefusal, readingIds, readingJson, unanswered, valueIn } from "./reply.ts";

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

/** A tokenizer that asks the engines over `post`; reading large answers rests where there is a `breather`. */
export function remoteTokenizer(post: PostJson, breather?: Breather): Tokenizer {
  return {
    async tokenize(engine, body, caller) {
      return await post(engine, {
        path: "/tokenize",
        body,
        read: (reply) => inSlices(readingEnd(engine, reply), breather),
        failure: unanswered(engine),
      }, caller);
    },
    async detokenize(engine, model, ids, caller) {
      const body = encodeUtf8(JSON.stringify({ model, tokens: ids }));
      try {
        return await post(engine, {
          path: "/detokenize",
          body: [body],
          read: (reply) => inSlices(readingPrompt(reply), breather),
          failure: (cause) => cause,
        }, caller);
      } catch (error) {
        if (error instanceof RouterError && error.code !== "client-gone") return undefined;
        throw error;
      }
    },
  };
}

function* readingPrompt({ status, body }: JsonReply): Sliced<string | undefined> {
  const prompt = status === 200 ? valueIn(yield* readingJson(body), "prompt") : undefined;
  return typeof prompt === "string" ? prompt : undefined;
}

function* readingEnd(engine: Engine, reply: JsonReply): Sliced<TokenizeEnd> {
  const { status } = reply;
  return isRefusal(status)
    ? { kind: "refused", status }
    : { kind: "tokens", prompt: yield* readingTokens(engine, reply) };
}

function* readingTokens(engine: Engine, reply: JsonReply): Sliced<PromptTokens> {
  const answer = yield* readingJson(reply.body);
  const counted = yield* readingIds(engine, "/tokenize", reply, answer?.raw("tokens"));
  const maxModelLen = valueIn(answer, "max_model_len");
  return {
    ...counted,
    maxModelLen: typeof maxModelLen === "number" ? maxModelLen : undefined,
  };
}
