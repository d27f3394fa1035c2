/** The decode engine's events, put behind the first token. @module */
import type { Engine, RouterError, Sliced } from "../base/mod.ts";
import type { AnswerTokens } from "../fleet/mod.ts";
import {
  type AnswerWriter,
  asUsage,
  type CompletionChunk,
  CompletionChunkReader,
  type CompletionEvent,
  errorMessageOf,
  firstLogprobs,
  joinUsage,
  logprobsIn,
  offsetLogprobs,
  rawJsonText,
  spelledLength,
  spelledLogprobs,
  stoppedUsage,
  type TokenDetails,
  type Usage,
} from "../openai/mod.ts";
import { toldInData } from "../request/mod.ts";
import { decodeError } from "./decode_error.ts";
import type { CompletedCharacter, TextJoiner } from "./first_text.ts";
import type { Given } from "./given.ts";
import type { StopJoin } from "./stop_join.ts";

/** What the decode stream's reading needs to know of the first token. */
export interface Seam {
  readonly engine: Engine;
  readonly prefillUsage: Usage | undefined;
  /** Told of the decode engine's own count of tokens, whenever that is met. */
  readonly onUsage?: ((usage: Usage) => void) | undefined;
  /** Told when the decode engine has sent all of its answer, or all that is wanted of it. */
  readonly onFinished?: (() => void) | undefined;
  readonly continuousUsage: boolean;
  /** Set when the first token ended inside a character. */
  readonly joiner: TextJoiner | undefined;
  /** Set when the decode engine is not told of the stop strings, and has begun. */
  readonly stops: StopJoin | undefined;
  /** The answer's text that has been written already. */
  readonly begun: string;
  /** Characters of the first token as its log-probability spells it; 0 without one. */
  readonly spelled: number;
  /** What the client asked to be told of every chunk's tokens. */
  readonly tells: { readonly tokenIds: boolean; readonly logprobs: boolean };
  /** Tokens of the answer that the decode engine takes for prompt. Default: 1, the first one. */
  readonly before?: number;
  /** Where it is kept what the client has been given; the decode engine is asked for ids then. */
  readonly given?: Given | undefined;
  /** How many tokens the decode engine may generate. */
  readonly maxTokens?: number | undefined;
  /** How many bytes of events may be read, where the writer gathers what is made of them. */
  readonly maxBytes?: number | undefined;
}

/**
 * How many events an engine may send beyond its tokens: some end an answer, or tell its usage, in
 * events of their own.
 */
const SPARE_EVENTS = 64;

/** How much of a large text is written at once, in bytes. */
const PIECE_BYTES = 256 * 1024;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Turns events into writer calls. */
export class EventPump {
  readonly #seam: Seam;
  readonly #writer: AnswerWriter;
  readonly #reader: CompletionChunkReader;
  readonly #tells: boolean;
  #joiner: TextJoiner | undefined;
  #adopted = false;
  #usage: Usage | undefined;
  /** The last that a chunk with text reported. */
  #running: Usage | undefined;
  #extras: Readonly<Record<string, unknown>> | undefined;
  #last: CompletionChunk | undefined;
  #lastText = NOTHING;
  #lastDetails: TokenDetails | undefined;
  /** Where the next token begins, in characters of all tokens' spellings. */
  #offset: number;
  /** What the decode engine has sent: at least so many tokens, and bytes of events. */
  #tokens = 0;
  #bytes = 0;
  /** The answer is complete. */
  done = false;
  /** It is, although the decode engine would go on. */
  cut = false;

  constructor(seam: Seam, writer: AnswerWriter) {
    const { tells, joiner, stops, spelled } = seam;
    this.#seam = seam;
    this.#writer = writer;
    this.#joiner = joiner;
    this.#tells = tells.tokenIds || tells.logprobs;
    this.#offset = spelled;
    this.#adopted = seam.given?.adopted === true;
    const parseAll = joiner !== undefined || stops !== undefined || this.#tells ||
      seam.given !== undefined;
    this.#reader = new CompletionChunkReader({ parseAll });
  }

  /** What the whole answer has of tokens so far; about as many where the engine has not told. */
  get tokens(): AnswerTokens {
    const before = this.#seam.before ?? 1;
    const usage = this.#usage;
    if (usage === undefined) {
      return { answer: before + this.#tokens, own: this.#tokens, about: true };
    }
    const { prompt_tokens: prompt, completion_tokens: answer } = usage;
    return { prompt, answer, own: Math.max(0, answer - before) };
  }

  /**
   * Take one event's data; it is not looked at after the call has returned. What is left to do is
   * awaited only at the seam: the usual event is synchronous.
   */
  take(data: Uint8Array): Promise<void> | undefined {
    return this.#event(this.#reader.read(data), data);
  }

  /** As `take`, of an event of more than `SMALL_JSON_BYTES`, in steps. */
  *takeLarge(large: Uint8Array): Sliced<Promise<void> | undefined> {
    const { event, data } = yield* this.#reader.readLarge(large);
    if (event.kind !== "chunk") return this.#event(event, data);
    return this.#event({ kind: "chunk", chunk: yield* this.#gathered(event.chunk) }, data);
  }

  /** `chunk` without its large text, where the writer gathers text: it has it then. */
  *#gathered(chunk: CompletionChunk): Sliced<CompletionChunk> {
    const { rawText } = chunk;
    const { maxBytes, stops } = this.#seam;
    const gathers = maxBytes !== undefined && stops === undefined && this.#joiner === undefined;
    if (!gathers || rawText === undefined) return chunk;
    this.#count(0, rawText.length);
    for (let at = 0; at < rawText.length; at += PIECE_BYTES) {
      yield;
      this.#writer.text(rawText.subarray(at, at + PIECE_BYTES));
    }
    return { ...chunk, rawText: NOTHING };
  }

  #event(event: CompletionEvent, data: Uint8Array): Promise<void> | undefined {
    switch (event.kind) {
      case "text":
        this.#lose();
        this.#count(1, event.rawText.length);
        this.#writer.text(event.rawText);
        return undefined;
      case "chunk":
        return this.#chunk(event.chunk, data);
      case "done":
        this.#end();
        return undefined;
      case "error":
        throw this.#told(event.error, data);
      case "malformed":
        throw decodeError(this.#seam.engine, `sent ${event.problem}`);
      default:
        return event satisfies never;
    }
  }

  /** A failure in the midst of an answer; a status that it names is the client's to know. */
  #told(error: unknown, data: Uint8Array): RouterError {
    const message = errorMessageOf(error) ?? JSON.stringify(error);
    const refusal = toldInData(data)?.refusal;
    return decodeError(this.#seam.engine, `failed: ${message}`, undefined, refusal);
  }

  #chunk(chunk: CompletionChunk, data: Uint8Array): Promise<void> | undefined {
    if (!this.#adopted) {
      this.#adopted = true;
      if (this.#seam.given !== undefined) this.#seam.given.adopted = true;
      this.#writer.adopt(chunk);
    }
    if (chunk.usage !== undefined) {
      this.#seam.onUsage?.(chunk.usage);
      this.#usage = this.#joinedUsage(chunk, chunk.usage);
      if (chunk.choice !== undefined) this.#running = this.#usage;
    }
    if (chunk.choice === undefined) {
      this.#extras = extrasOf(chunk);
      return undefined;
    }
    const { finishReason } = chunk;
    if (finishReason === "error" || finishReason === "abort") {
      throw decodeError(this.#seam.engine, `ended with finish_reason '${finishReason}'`);
    }
    const { rawText } = chunk;
    this.#count(Math.max(chunk.tokenIds.length, 1), data.length + (rawText?.length ?? 0));
    this.#seam.given?.add(chunk.tokenIds, chunk.text !== "" || rawText !== undefined);
    const details = this.#tells ? this.#detailsOf(chunk, data) : undefined;
    if (this.#joiner !== undefined || this.#seam.stops !== undefined) {
      if (rawText !== undefined) {
        this.#lose();
        throw decodeError(this.#seam.engine, `sent a text of ${rawText.length} bytes in one event`);
      }
      return this.#joined(chunk, details);
    }
    this.#emit(chunk, rawText ?? rawJsonText(chunk.text), details && this.#offsetIn(details));
    return undefined;
  }

  /** What the engine said is not to be told by ids: nobody can go on from there. */
  #lose(): void {
    if (this.#seam.given !== undefined) this.#seam.given.obstacle ??= "no_ids";
  }

  /** An engine that does not end is ended. Throws `decode-failed`. */
  #count(tokens: number, bytes: number): void {
    const { engine, maxTokens = Infinity, maxBytes = Infinity } = this.#seam;
    this.#tokens += tokens;
    this.#bytes += bytes;
    if (this.#tokens > maxTokens + SPARE_EVENTS) {
      throw decodeError(engine, `goes on beyond the ${maxTokens} tokens it was asked for`);
    }
    if (this.#bytes > maxBytes) throw decodeError(engine, `sent more than ${maxBytes} bytes`);
  }

  /** Engines tell what was cached with the last report alone. */
  #joinedUsage(chunk: CompletionChunk, usage: Usage): Usage {
    const running = chunk.choice !== undefined && !("prompt_tokens_details" in usage);
    const { prompt_tokens_details: _details, ...counts } = this.#seam.prefillUsage ?? {};
    const prefill = running ? asUsage(counts) : this.#seam.prefillUsage;
    return joinUsage(prefill, usage, this.#seam.before);
  }

  #detailsOf(chunk: CompletionChunk, data: Uint8Array): TokenDetails {
    const { tokenIds, logprobs } = this.#seam.tells;
    return {
      tokenIds: tokenIds ? chunk.tokenIds : undefined,
      logprobs: logprobs ? logprobsIn(data) : undefined,
    };
  }

  async #joined(chunk: CompletionChunk, details: TokenDetails | undefined): Promise<void> {
    const joiner = this.#joiner;
    const text = joiner === undefined ? chunk.text : await this.#joinedText(joiner, chunk);
    await this.#say(chunk, text, details && withSpelling(details, joiner?.completed));
  }

  /** `text`, which `chunk` comes to, as far as no stop string may be in it. */
  async #say(
    chunk: CompletionChunk,
    text: string,
    details: TokenDetails | undefined,
  ): Promise<void> {
    const told = details && this.#offsetIn(details);
    const { stops } = this.#seam;
    if (stops === undefined) {
      this.#emit(chunk, rawJsonText(text), told);
      return;
    }
    const step = await stops.add(text, chunk.tokenIds);
    if (step.hit === undefined) {
      const rest = chunk.finishReason === undefined ? "" : stops.rest();
      this.#emit(chunk, rawJsonText(step.text + rest), told);
      return;
    }
    const usage = stoppedUsage(this.#seam.prefillUsage, stops.tokens);
    this.#writer.end(rawJsonText(step.text), {
      finishReason: "stop",
      stopReason: step.hit.stop,
      usage,
      chunkUsage: this.#seam.continuousUsage ? usage : undefined,
      details: told && firstDetails(told, step.hit.tokens),
    });
    this.done = true;
    this.cut = chunk.finishReason === undefined;
  }

  async #joinedText(joiner: TextJoiner, chunk: CompletionChunk): Promise<string> {
    const text = await joiner.textFor(chunk);
    if (text === undefined) {
      this.#lose();
      throw decodeError(this.#seam.engine, "cannot turn token ids into text (/detokenize)");
    }
    if (joiner.done) {
      this.#joiner = undefined;
      const { stops, given } = this.#seam;
      if (stops === undefined && given === undefined && !this.#tells) this.#reader.allowText();
    }
    return text;
  }

  #emit(chunk: CompletionChunk, rawText: Uint8Array, told: TokenDetails | undefined): void {
    // A large text is a view of the event: it cannot wait for the end.
    const early = chunk.rawText !== undefined;
    if (chunk.finishReason === undefined || early) {
      if (rawText.length > 0 || this.#seam.continuousUsage || told !== undefined) {
        this.#writer.text(rawText, this.#seam.continuousUsage ? this.#usage : undefined, told);
      }
    }
    if (chunk.finishReason === undefined) return;
    this.#last = chunk;
    this.#lastText = early ? NOTHING : rawText;
    this.#lastDetails = early ? undefined : told;
  }

  /** Offsets go on where the tokens before ended. */
  #offsetIn(details: TokenDetails): TokenDetails {
    const { logprobs } = details;
    if (logprobs === undefined) return details;
    const from = this.#offset;
    this.#offset += spelledLength(logprobs);
    if (this.#seam.given !== undefined) this.#seam.given.spelled = this.#offset;
    return { ...details, logprobs: offsetLogprobs(logprobs, from) };
  }

  /**
   * What goes before the decode engine's events: a token that the prefill engine has told, which may
   * be the last one. `chunk` says it with its text made whole.
   */
  async first(chunk: CompletionChunk, details: TokenDetails | undefined): Promise<void> {
    const { given, prefillUsage } = this.#seam;
    given?.add(chunk.tokenIds, true);
    const { prompt_tokens_details: _details, ...counts } = prefillUsage ?? {};
    const tokens = given?.ids.length ?? 0;
    this.#usage = this.#running = stoppedUsage(asUsage(counts), tokens);
    await this.#say(chunk, chunk.text, details);
    if (chunk.finishReason !== undefined) this.complete();
  }

  /**
   * Complete an answer whose end is known, although what engines tell behind it has not come; false
   * where it is not.
   */
  complete(): boolean {
    if (this.done) return true;
    if (this.#last === undefined) return false;
    const { given, prefillUsage } = this.#seam;
    this.#usage = stoppedUsage(prefillUsage, given?.ids.length ?? 0) ?? this.#usage;
    this.#end();
    return true;
  }

  #end(): void {
    const last = this.#last;
    if (last?.finishReason === undefined) {
      throw decodeError(this.#seam.engine, "sent [DONE] without a finish_reason");
    }
    this.#writer.end(this.#lastText, {
      finishReason: last.finishReason,
      stopReason: last.choice?.["stop_reason"] ?? null,
      usage: this.#usage,
      chunkUsage: this.#seam.continuousUsage ? this.#running : undefined,
      details: this.#lastDetails,
      extras: this.#extras,
    });
    this.done = true;
  }
}

/** What the decode engine's usage chunk says besides what every chunk does. */
function extrasOf({ envelope }: CompletionChunk): Readonly<Record<string, unknown>> {
  const { id: _id, object: _object, created: _created, model: _model, ...extras } = envelope;
  return extras;
}

/** `details` with the spelling of the token that completed the first character, if one did. */
function withSpelling(
  details: TokenDetails,
  completed: CompletedCharacter | undefined,
): TokenDetails {
  const { logprobs } = details;
  if (logprobs === undefined || completed === undefined) return details;
  return { ...details, logprobs: spelledLogprobs(logprobs, completed.at, completed.text) };
}

function firstDetails({ tokenIds, logprobs }: TokenDetails, count: number): TokenDetails {
  return {
    tokenIds: tokenIds?.slice(0, count),
    logprobs: logprobs && firstLogprobs(logprobs, count),
  };
}
