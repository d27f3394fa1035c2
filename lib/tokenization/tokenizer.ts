/**
 * Prompt to token ids and back, by the engines' own tokenizer. Ids stay JSON text: a prompt of
 * thousands of tokens is spliced into the legs without ever becoming numbers.
 *
 * Source: vLLM `vllm/entrypoints/serve/tokenize/protocol.py`.
 * @module
 */
import { type ByteParts, encodeUtf8, type Engine, RouterError } from "../base/mod.ts";
import type { Caller, JsonReply, PostJson } from "./post.ts";
import { asking, idsOf, readJson, valueIn } from "./reply.ts";

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
      const reply = await asking(engine, () => post(engine, "/tokenize", body, caller));
      if (reply.status >= 400 && reply.status < 500) {
        return { kind: "refused", status: reply.status };
      }
      return { kind: "tokens", prompt: readTokens(engine, reply) };
    },
    async detokenize(engine, model, ids, caller) {
      const body = encodeUtf8(JSON.stringify({ model, tokens: ids }));
      try {
        const reply = await post(engine, "/detokenize", [body], caller);
        const prompt = reply.status === 200 ? valueIn(readJson(reply.body), "prompt") : undefined;
        return typeof prompt === "string" ? prompt : undefined;
      } catch (error) {
        if (error instanceof RouterError && error.code !== "client-gone") return undefined;
        throw error;
      }
    },
  };
}

function readTokens(engine: Engine, reply: JsonReply): PromptTokens {
  const answer = readJson(reply.body);
  const counted = idsOf(engine, "/tokenize", reply, answer?.raw("tokens"));
  const maxModelLen = valueIn(answer, "max_model_len");
  return {
    ...counted,
    maxModelLen: typeof maxModelLen === "number" ? maxModelLen : undefined,
  };
}
