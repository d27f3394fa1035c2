/**
 * Builds the one answer a client sees from the first token and the decode engine's completion
 * chunks: completions or chat, streamed or whole.
 *
 * Source: vLLM `vllm/entrypoints/openai/{completion,chat_completion}/protocol.py`.
 * @module
 */
import { shortUtf8 } from "../base/mod.ts";
import type { AnswerForm } from "./answer_form.ts";
import type { TokenDetails } from "./choice_json.ts";
import type { CompletionChunk } from "./completion_chunk.ts";
import type { Usage } from "./usage.ts";

/** What stays the same over a whole answer. */
export interface AnswerIdentity {
  readonly form: AnswerForm;
  /** `cmpl-…` or `chatcmpl-…`; borne by every chunk. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  /** Alternatives per token in the chat form of log-probabilities; 0 when absent. */
  readonly topLogprobs?: number | undefined;
}

/** How an answer ended. */
export interface AnswerEnd {
  readonly finishReason: string;
  /** The matched stop string or token id; null for none, EOS included. */
  readonly stopReason: unknown;
  /** Of the whole answer. */
  readonly usage: Usage | undefined;
  /** Of the last chunk, when each chunk reports usage. */
  readonly chunkUsage?: Usage | undefined;
  /** Of the last chunk. */
  readonly details?: TokenDetails | undefined;
  /** Members that engines put into a stream's last chunk alone, such as `system_fingerprint`. */
  readonly extras?: Readonly<Record<string, unknown>> | undefined;
}

/** Takes the parts of one answer in order. Text is the inside of a JSON string, as raw bytes. */
export interface AnswerWriter {
  /**
   * The answer begins; before any text. `promptIds`: JSON of a list, for clients that ask. `usage`
   * only when each chunk reports it.
   */
  begin(promptIds?: Uint8Array, usage?: Usage): void;
  /**
   * Text of a chunk that does not end the answer. `usage` only when each chunk reports it. A large
   * text must stay as it is until it has been taken.
   */
  text(rawText: Uint8Array, usage?: Usage, details?: TokenDetails): void;
  /** The last chunk's text and how it ended. */
  end(rawText: Uint8Array, end: AnswerEnd): void;
  /** Use the decode engine's extra fields for what follows. */
  adopt(chunk: CompletionChunk): void;
  /** A comment line of the decode engine's stream, without its line end. */
  comment(line: Uint8Array): void;
  /** The next bytes for the client, a large text in pieces; undefined for none at the moment. */
  take(): Uint8Array | undefined;
}

/** The inside of `text` as a JSON string. */
export function rawJsonText(text: string): Uint8Array {
  return shortUtf8(JSON.stringify(text).slice(1, -1));
}
