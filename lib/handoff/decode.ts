/** The decode leg of mode P1: opened once the KV is there, then read event by event. @module */
import {
  type ByteParts,
  type Clock,
  type Engine,
  errorCodeOf,
  inSlices,
  type LazyAbort,
  type RouterError,
} from "../base/mod.ts";
import type { Flight } from "../fleet/mod.ts";
import { type AnswerWriter, SMALL_JSON_BYTES } from "../openai/mod.ts";
import {
  answerProblem,
  encodingProblem,
  exchange,
  type FlowDeps,
  isRefused,
  legHeaders,
  logRouting,
  readError,
  type RequestContext,
  toldInData,
} from "../request/mod.ts";
import { SseDecoder } from "../sse/mod.ts";
import type { UpstreamResponse } from "../upstream/mod.ts";
import { asDecodeError, decodeError } from "./decode_error.ts";
import { EventPump, type Seam } from "./event_pump.ts";

/** A decode answer of which the first event is at hand. */
export interface OpenDecode {
  /** Its end is said by whoever reads the answer to its own. */
  readonly flight: Flight;
  readonly response: UpstreamResponse;
  readonly decoder: SseDecoder;
  /** Comment lines the decoder has met and nobody has taken yet, in order. */
  readonly comments: Uint8Array[];
  /** Data of the first event, a view of the connection's buffer. */
  readonly first: Uint8Array;
  /** Ends the exchange. */
  readonly abort: LazyAbort;
}

/** How opening ended; it never rejects. */
export type OpenEnd =
  | { readonly kind: "open"; readonly open: OpenDecode; readonly close: () => void }
  /**
   * The engine answered the request with an error of the client's (4xx): by its status, or in its
   * stream, which is its last word.
   */
  | { readonly kind: "refused"; readonly error: RouterError; readonly inStream?: true }
  | { readonly kind: "failed"; readonly error: RouterError };

/** What to send. */
export interface DecodeAsk {
  readonly flight: Flight;
  readonly path: string;
  readonly body: ByteParts;
  /** False where what a prefill said of its KV is in it, which is good for one request. */
  readonly replayable?: boolean;
}

/**
 * Send the decode leg and read until its first event: then the engine has taken the KV. Not bound
 * to the client, so that KV which is on its way into the engine's scheduler is not stranded.
 */
export async function openDecode(
  deps: FlowDeps,
  context: RequestContext,
  ask: DecodeAsk,
  abort: LazyAbort,
): Promise<OpenEnd> {
  const { flight } = ask;
  const { engine } = flight;
  let response: UpstreamResponse | undefined;
  try {
    logRouting(deps, context, engine);
    context.trace.add("decode-sent", engine.url);
    response = await exchange(deps, flight, {
      path: ask.path,
      headers: legHeaders(context, "decode"),
      body: ask.body,
      headTimeoutMs: deps.timeouts.firstByteMs,
      replayable: ask.replayable ?? true,
      signal: abort,
    });
    if (response.status !== 200) {
      using failed = response;
      const { message, refusal } = await readError(failed);
      const error = decodeError(
        engine,
        `answered ${failed.status}: ${message}`,
        undefined,
        refusal,
      );
      flight.failed(error);
      const refused = failed.status >= 400 && failed.status < 500;
      return refused ? { kind: "refused", error } : { kind: "failed", error };
    }
    const problem = answerProblem(response, "events") ?? encodingProblem(response);
    if (problem !== undefined) throw decodeError(engine, problem);
    const comments: Uint8Array[] = [];
    const decoder = new SseDecoder({
      onComment: (line) => {
        // A copy, as the line is a view; beyond a few before the first event, only noise is lost.
        if (comments.length < MAX_COMMENTS) comments.push(line.slice());
      },
    });
    const first = await nextEvent(engine, response, decoder);
    const told = toldInData(first);
    if (told !== undefined) {
      const error = decodeError(engine, `failed: ${told.message}`, undefined, told.refusal);
      if (!isRefused(told)) throw error;
      response[Symbol.dispose]();
      flight.ok();
      return { kind: "refused", error, inStream: true };
    }
    context.trace.add("decode-first", engine.url);
    flight.first();
    const open = { flight, response, decoder, comments, first, abort };
    return { kind: "open", open, close: () => open.response[Symbol.dispose]() };
  } catch (cause) {
    response?.[Symbol.dispose]();
    const error = asDecodeError(engine, cause);
    if (!abort.aborted) flight.failed(error);
    return { kind: "failed", error };
  }
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

/** What reading an answer works with; large events are worked on at once where nothing rests. */
export type PumpDeps =
  & Pick<FlowDeps, "background" | "clock">
  & Partial<Pick<FlowDeps, "breather">>;

/** Most comments kept between two events. */
const MAX_COMMENTS = 64;

/**
 * Read an open decode answer into `writer` by `pump`, yielding the bytes it makes of each network read.
 * Throws `decode-failed`, and what reading the response rejects with; gives the connection back
 * always.
 */
export async function* pumpDecode(
  deps: PumpDeps,
  open: OpenDecode,
  seam: Seam,
  writer: AnswerWriter,
  pump: EventPump = new EventPump(seam, writer),
): AsyncGenerator<Uint8Array, void, void> {
  const { flight, response, decoder, comments } = open;
  let finished = false;
  try {
    let data: Uint8Array | undefined = open.first;
    for (;;) {
      if (comments.length > 0) passOn(comments, writer);
      while (data !== undefined && !pump.done) {
        // Awaited only where the event is large, and while the seam's text is being joined: the
        // usual event is synchronous.
        const pending = data.length > SMALL_JSON_BYTES
          ? await inSlices(pump.takeLarge(data), deps.breather)
          : pump.take(data);
        if (pending !== undefined) await pending;
        data = decoder.next();
        if (comments.length > 0) passOn(comments, writer);
      }
      if (pump.done) {
        finished = true;
        seam.onFinished?.();
        flight.used(pump.tokens);
        flight.ok();
      }
      for (let out = writer.take(); out !== undefined; out = writer.take()) yield out;
      if (finished) return;
      const bytes = await response.read();
      if (bytes === undefined) {
        throw decodeError(seam.engine, "ended its stream without [DONE]");
      }
      decoder.push(bytes);
      data = decoder.next();
    }
  } catch (error) {
    if (!open.abort.aborted) flight.failed(error);
    throw error;
  } finally {
    if (!finished || pump.cut) response[Symbol.dispose]();
    // Most often its end comes with `[DONE]`.
    else if (response.finish?.() !== true) deps.background.run(giveBack(deps.clock, response));
  }
}

/** Comments keep connections alive; the client's may need it too. */
function passOn(comments: Uint8Array[], writer: AnswerWriter): void {
  for (const line of comments) writer.comment(line);
  comments.length = 0;
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
