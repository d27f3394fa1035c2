/**
 * Prompt to token ids and back, by the engines' own tokenizer. Ids stay JSON text: a prompt of
 * thousands of tokens is spliced into the legs without ever becoming numbers.
 *
 * Source: vLLM `vllm/entrypoints/serve/tokenize/protocol.py`.
 * @module
 */
import {
  type ByteParts,
  decodeUtf8,
  encodeUtf8,
  type Engine,
  errorCodeOf,
  RouterError,
} from "../base/mod.ts";
import { errorMessageOf, JsonObject } from "../openai/mod.ts";

/** A whole JSON answer of an engine. */
export interface JsonReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** On whose behalf an engine is asked: the fields it shall see, and when to give up. */
export interface Caller {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly signal: AbortSignal;
}

/** Posts JSON to an engine; rejects with the upstream client's errors. */
export type PostJson = (
  engine: Engine,
  path: string,
  body: ByteParts,
  caller: Caller,
) => Promise<JsonReply>;

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
      const reply = await attempt(engine, () => post(engine, "/tokenize", body, caller));
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

async function attempt(engine: Engine, send: () => Promise<JsonReply>): Promise<JsonReply> {
  try {
    return await send();
  } catch (cause) {
    if (errorCodeOf(cause) === "client-gone") throw cause;
    throw new RouterError("tokenize-failed", `Cannot tokenize on engine ${engine.url}`, { cause });
  }
}

function readTokens(engine: Engine, reply: JsonReply): PromptTokens {
  const answer = readJson(reply.body);
  const ids = answer?.raw("tokens");
  if (reply.status !== 200 || ids === undefined || !isIdList(ids)) {
    const said = errorMessageOf(valueIn(answer, "error"));
    throw new RouterError(
      "tokenize-failed",
      `Engine ${engine.url} answered /tokenize with status ${reply.status} ` +
        (said ?? "and no token list"),
    );
  }
  const maxModelLen = valueIn(answer, "max_model_len");
  return {
    ids,
    count: countIds(ids),
    maxModelLen: typeof maxModelLen === "number" ? maxModelLen : undefined,
  };
}

function readJson(bytes: Uint8Array): JsonObject | undefined {
  try {
    return new JsonObject(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The value of `key`; undefined when a string in it is malformed, which the scan passes over. */
function valueIn(answer: JsonObject | undefined, key: string): unknown {
  try {
    return answer?.value(key);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;

/**
 * Whether `raw`, valid JSON, is a list of digits, commas and white space alone, so that it can be
 * spliced into a list of ids.
 */
export function isIdList(raw: Uint8Array): boolean {
  if (raw[0] !== OPEN_BRACKET) return false;
  for (let at = 1; at < raw.length - 1; at++) {
    const byte = raw[at] ?? 0;
    if (!isDigit(byte) && byte !== COMMA && !isSpace(byte)) return false;
  }
  return true;
}

/** How many ids a JSON list holds, by its commas. */
export function countIds(ids: Uint8Array): number {
  let commas = 0;
  let digits = false;
  for (let at = 1; at < ids.length - 1; at++) {
    const byte = ids[at] ?? 0;
    if (byte === COMMA) commas++;
    else if (isDigit(byte)) digits = true;
  }
  return digits ? commas + 1 : 0;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The last `count` ids of a JSON list, as numbers. */
export function lastIds(ids: Uint8Array, count: number): number[] {
  let from = ids.length;
  for (let taken = 0; taken < count && from > 0; taken++) {
    from = ids.lastIndexOf(COMMA, from - 1);
    if (from < 0) break;
  }
  const tail = decodeUtf8(ids.subarray(from < 0 ? 1 : from + 1, ids.length - 1));
  return tail.split(",").filter((text) => text.trim() !== "").map(Number);
}
