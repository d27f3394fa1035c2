/** The decode leg of mode P1: opened once the KV is there, then read event by event. @module */
import {
  type ByteParts,
  type Clock,
  describeError,
  type Engine,
  errorCodeOf,
  RouterError,
} from "../base/mod.ts";
import {
  type AnswerWriter,
  type CompletionChunk,
  CompletionChunkReader,
  errorMessageOf,
  joinUsage,
  rawJsonText,
  type Usage,
} from "../openai/mod.ts";
import { SseDecoder } from "../sse/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import type { Background } from "./background.ts";
import type { HandoffDeps, RequestContext } from "./context.ts";
import { countEngineError, exchange, logRouting, readError } from "./exchange.ts";
import type { TextJoiner } from "./first_text.ts";

/** A decode answer of which the first event is at hand. */
export interface OpenDecode {
  readonly response: UpstreamResponse;
  readonly decoder: SseDecoder;
  /** Data of the first event, a view of the connection's buffer. */
  readonly first: Uint8Array;
  /** Ends the exchange. */
  readonly abort: AbortController;
}

/** How opening ended; it never rejects. */
export type OpenEnd =
  | { readonly kind: "open"; readonly open: OpenDecode; readonly close: () => void }
  /** The engine answered the request with an error of the client's (4xx). */
  | { readonly kind: "refused"; readonly error: RouterError }
  | { readonly kind: "failed"; readonly error: RouterError };

/** What to send. */
export interface DecodeAsk {
  readonly engine: Engine;
  readonly path: string;
  readonly body: ByteParts;
}

/**
 * Send the decode leg and read until its first event: then the engine has taken the KV. Not bound
 * to the client, so that KV which is on its way into the engine's scheduler is not stranded.
 */
export async function openDecode(
  deps: HandoffDeps,
  context: RequestContext,
  ask: DecodeAsk,
  abort: AbortController,
): Promise<OpenEnd> {
  const { engine } = ask;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, engine, {
      path: ask.path,
      headers: context.headers,
      body: ask.body,
      headTimeoutMs: deps.timeouts.firstByteMs,
      signal: abort.signal,
    });
    if (response.status !== 200) {
      using failed = response;
      const { message } = await readError(failed);
      const error = decodeError(engine, `answered ${failed.status}: ${message}`);
      countEngineError(deps, engine, "decode", error);
      const refused = failed.status >= 400 && failed.status < 500;
      return { kind: refused ? "refused" : "failed", error };
    }
    const decoder = new SseDecoder();
    const first = await nextEvent(engine, response, decoder);
    context.trace.add("decode-first", engine.url);
    const open = { response, decoder, first, abort };
    return { kind: "open", open, close: () => open.response[Symbol.dispose]() };
  } catch (cause) {
    response?.[Symbol.dispose]();
    const error = asDecodeError(engine, cause);
    countEngineError(deps, engine, "decode", error);
    return { kind: "failed", error };
  }
}

/** A failure of the decode leg, naming the engine. */
export function decodeError(engine: Engine, what: string, cause?: unknown): RouterError {
  const code = errorCodeOf(cause) === "upstream-timeout" ? "upstream-timeout" : "decode-failed";
  return new RouterError(code, `Decode on engine ${engine.url} ${what}`, { cause });
}

/** Whatever ended the decode leg, as a failure of it. */
export function asDecodeError(engine: Engine, cause: unknown): RouterError {
  return cause instanceof RouterError && cause.code === "decode-failed"
    ? cause
    : decodeError(engine, `failed: ${describeError(cause)}`, cause);
}

/** The next event's data. Throws `decode-failed` when the stream ends instead. */
async function nextEvent(
  engine: Engine,
  response: UpstreamResponse,
  decoder: SseDecoder,
): Promise<Uint8Array> {
  for (;;) {
    const data = decoder.next();
    if (data !== undefined) return data;
    const bytes = await response.read();
    if (bytes === undefined) throw decodeError(engine, "ended its stream without [DONE]");
    decoder.push(bytes);
  }
}

/** What the decode stream's reading needs to know of the first token. */
export interface Seam {
  readonly engine: Engine;
  readonly prefillUsage: Usage | undefined;
  readonly continuousUsage: boolean;
  /** Set when the first token ended inside a character. */
  readonly joiner: TextJoiner | undefined;
}

/**
 * Read an open decode answer into `writer`, yielding the bytes it makes of each network read.
 * Throws `decode-failed`, `upstream-timeout` or `client-gone`; gives the connection back always.
 */
export async function* pumpDecode(
  deps: { readonly background: Background; readonly clock: Clock },
  open: OpenDecode,
  seam: Seam,
  writer: AnswerWriter,
): AsyncGenerator<Uint8Array, void, void> {
  const { response, decoder } = open;
  const pump = new EventPump(seam, writer);
  let finished = false;
  try {
    let data: Uint8Array | undefined = open.first;
    for (;;) {
      while (data !== undefined && !pump.done) {
        // Awaited only while the seam's text is being joined: the usual event is synchronous.
        const pending = pump.take(data);
        if (pending !== undefined) await pending;
        data = decoder.next();
      }
      const out = writer.take();
      if (pump.done) {
        finished = true;
        if (out !== undefined) yield out;
        return;
      }
      if (out !== undefined) yield out;
      const bytes = await response.read();
      if (bytes === undefined) {
        throw decodeError(seam.engine, "ended its stream without [DONE]");
      }
      decoder.push(bytes);
      data = decoder.next();
    }
  } finally {
    if (finished) deps.background.run(giveBack(deps.clock, response));
    else response[Symbol.dispose]();
  }
}

/** How long the end of a body may follow `[DONE]` for its connection to be kept. */
const TAIL_MS = 1_000;

/** Read what follows `[DONE]`, so that the connection can serve again. */
async function giveBack(clock: Clock, response: UpstreamResponse): Promise<void> {
  using late = clock.after(TAIL_MS, () => response[Symbol.dispose]());
  try {
    while (await response.read() !== undefined) { /* nothing of it matters */ }
  } catch (error) {
    if (errorCodeOf(error) === undefined) throw error;
  } finally {
    late.cancel();
    response[Symbol.dispose]();
  }
}

/** Turns events into writer calls. */
class EventPump {
  readonly #seam: Seam;
  readonly #writer: AnswerWriter;
  readonly #reader: CompletionChunkReader;
  #joiner: TextJoiner | undefined;
  #adopted = false;
  #usage: Usage | undefined;
  #last: CompletionChunk | undefined;
  #lastText: Uint8Array = new Uint8Array(0);
  done = false;

  constructor(seam: Seam, writer: AnswerWriter) {
    this.#seam = seam;
    this.#writer = writer;
    this.#joiner = seam.joiner;
    this.#reader = new CompletionChunkReader({ parseAll: seam.joiner !== undefined });
  }

  take(data: Uint8Array): Promise<void> | undefined {
    const event = this.#reader.read(data);
    switch (event.kind) {
      case "text":
        this.#writer.text(event.rawText);
        return undefined;
      case "chunk":
        return this.#chunk(event.chunk);
      case "done":
        this.#end();
        return undefined;
      case "error":
        throw decodeError(
          this.#seam.engine,
          `failed: ${errorMessageOf(event.error) ?? JSON.stringify(event.error)}`,
        );
      case "malformed":
        throw decodeError(this.#seam.engine, `sent ${event.problem}`);
      default:
        return event satisfies never;
    }
  }

  #chunk(chunk: CompletionChunk): Promise<void> | undefined {
    if (!this.#adopted) {
      this.#adopted = true;
      this.#writer.adopt(chunk);
    }
    if (chunk.usage !== undefined) this.#usage = joinUsage(this.#seam.prefillUsage, chunk.usage);
    if (chunk.choice === undefined) return undefined;
    if (this.#joiner !== undefined) return this.#joined(this.#joiner, chunk);
    this.#emit(chunk, rawJsonText(chunk.text));
    return undefined;
  }

  async #joined(joiner: TextJoiner, chunk: CompletionChunk): Promise<void> {
    const text = await joiner.textFor(chunk);
    if (text === undefined) {
      throw decodeError(this.#seam.engine, "cannot turn token ids into text (/detokenize)");
    }
    if (joiner.done) {
      this.#joiner = undefined;
      this.#reader.allowText();
    }
    this.#emit(chunk, rawJsonText(text));
  }

  #emit(chunk: CompletionChunk, rawText: Uint8Array): void {
    const { finishReason } = chunk;
    if (finishReason === undefined) {
      if (rawText.length > 0 || this.#seam.continuousUsage) {
        this.#writer.text(rawText, this.#seam.continuousUsage ? this.#usage : undefined);
      }
      return;
    }
    if (finishReason === "error" || finishReason === "abort") {
      throw decodeError(this.#seam.engine, `ended with finish_reason '${finishReason}'`);
    }
    this.#last = chunk;
    this.#lastText = rawText;
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
      chunkUsage: this.#seam.continuousUsage ? this.#usage : undefined,
    });
    this.done = true;
  }
}
