/**
 * A stream that comes from a decode engine as the client asked for it, read event by event, so that
 * another pair can go on with it.
 * @module
 */
import { type ByteParts, inSlices, LazyAbort, type RouterError } from "../base/mod.ts";
import { budgetOf, type TextRequest, wantsTokenIds } from "../disagg/mod.ts";
import type { AnswerTokens, Flight } from "../fleet/mod.ts";
import {
  type AnswerIdentity,
  asUsage,
  OutBuffer,
  stoppedUsage,
  StreamWriter,
  type Usage,
} from "../openai/mod.ts";
import { type ByteSource, isRefused, type RequestContext, toldInData } from "../request/mod.ts";
import type { Pair } from "../selection/mod.ts";
import { EVENT_END, EVENT_START, isDone, SseDecoder } from "../sse/mod.ts";
import { countingIds } from "../tokenization/mod.ts";
import { cachedIn } from "./cached_tokens.ts";
import { Continuation, type Continued } from "./continuation.ts";
import { asDecodeError, decodeError } from "./decode_error.ts";
import type { HandoffDeps } from "./deps.ts";
import { Given, SaidText } from "./given.ts";
import { HandoffStream } from "./handoff_stream.ts";
import type { FindOnward } from "./onward.ts";
import type { RelayOpenEnd } from "./relay_decode.ts";
import { type WatchedEvent, watchedEvent, type WatchFor } from "./watched_event.ts";

/** Tokens that an answer may have whose limit nobody tells. */
const MOST_TOKENS = 1024 * 1024;

/** What is watched. */
export interface WatchedParts {
  readonly request: TextRequest;
  readonly pair: Pair;
  readonly find: FindOnward;
  /** The prefill's; undefined while it is under way, or where it told none. */
  readonly usage: () => Usage | undefined;
  readonly opened: Extract<RelayOpenEnd, { readonly kind: "open" }>;
  readonly flight: Flight;
  /** Told when the engine has sent all of its answer: what it says was cached, if it does. */
  readonly onEnd?: (cached: number | undefined) => void;
}

/** Passes events on, without ids that the client has not asked for. */
export class WatchedStream implements ByteSource {
  readonly #deps: HandoffDeps;
  readonly #context: RequestContext;
  readonly #parts: WatchedParts;
  readonly #wish: WatchFor;
  readonly #decoder: SseDecoder;
  readonly #out = new OutBuffer();
  readonly #given: Given;
  readonly #said: SaidText;
  readonly #gone = new LazyAbort();
  readonly #continuation: Continuation;
  #identity: AnswerIdentity | undefined;
  #promptIds: Uint8Array | undefined;
  #writer: StreamWriter | undefined;
  #finished = false;
  #usageTold = false;
  #cached: number | undefined;
  #usage: Usage | undefined;
  #done = false;
  #closed = false;
  #begun = false;
  /** Nobody goes on: what the engine still says passes. */
  #resigned = false;
  #onward: HandoffStream | undefined;

  constructor(deps: HandoffDeps, context: RequestContext, parts: WatchedParts) {
    const { request, pair, find, usage } = parts;
    this.#deps = deps;
    this.#context = context;
    this.#parts = parts;
    this.#wish = {
      tokenIds: wantsTokenIds(request),
      logprobs: request.form === "completions" && request.logprobs !== undefined,
      breather: deps.breather,
    };
    this.#decoder = new SseDecoder({ onComment: (line) => this.#add([line], EVENT_END) });
    const length = deps.fleet.snapshot().maxModelLen(request.model);
    this.#given = new Given(request.maxTokens ?? length ?? MOST_TOKENS, pair.decode);
    this.#said = new SaidText(Math.max(0, ...request.stop.map((stop) => stop.length)));
    this.#continuation = new Continuation(deps, context, {
      request,
      mode: "d1",
      pair,
      find,
      given: this.#given,
      promptIds: () => this.#promptIds,
      maxTokens: () => this.#maxTokens(),
      usage,
      writer: () => this.#ownWriter(),
      stops: undefined,
      said: this.#said,
    });
  }

  get failure(): RouterError | undefined {
    return this.#onward?.failure;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#out.take();
      if (bytes !== undefined) return bytes;
      if (this.#onward !== undefined) return await this.#onward.read();
      if (this.#closed) return undefined;
      await this.#more();
    }
  }

  cancel(): void {
    this.#gone.abort();
    this.#onward?.cancel();
    this.#close();
  }

  /** Take what the engine sends next; at its end, or where it fails, what follows from that. */
  async #more(): Promise<void> {
    let failure: unknown;
    try {
      const bytes = await this.#nextBytes();
      if (bytes === undefined) {
        if (this.#done || this.#resigned) return this.#land();
        throw decodeError(this.#parts.pair.decode, "ended its stream without [DONE]");
      }
      this.#decoder.push(bytes);
      for (let data = this.#decoder.next(); data !== undefined; data = this.#decoder.next()) {
        const told = this.#resigned ? undefined : this.#failureIn(data);
        if (told === undefined) await this.#event(data);
        else if (await this.#goOn(told)) return;
        else {
          // In the engine's own words.
          this.#resigned = true;
          this.#add([data], EVENT_END, EVENT_START);
        }
      }
      return;
    } catch (error) {
      failure = error;
    }
    if (this.#closed) throw failure;
    // Behind its end, nothing of it can be missing.
    if (this.#done) return this.#land();
    if (await this.#goOn(failure)) return;
    this.#close();
    throw failure;
  }

  async #nextBytes(): Promise<Uint8Array | undefined> {
    const { response, first } = this.#parts.opened;
    if (this.#begun || first === undefined) return await response.read();
    this.#begun = true;
    return first;
  }

  /** What an event says has failed; a refusal is the engine's last word. */
  #failureIn(data: Uint8Array): RouterError | undefined {
    const told = toldInData(data);
    if (told === undefined || isRefused(told)) return undefined;
    const { decode } = this.#parts.pair;
    return decodeError(decode, `failed: ${told.message}`, undefined, told.refusal);
  }

  async #event(data: Uint8Array): Promise<void> {
    if (isDone(data)) {
      this.#done = true;
      this.#add([data], EVENT_END, EVENT_START);
      return;
    }
    const looked = watchedEvent(data, this.#wish);
    const event = looked instanceof Promise ? await looked : looked;
    if (event === undefined) this.#given.obstacle ??= "unfit";
    else this.#note(event);
    this.#add(event?.out ?? [data], EVENT_END, EVENT_START);
  }

  #note(event: WatchedEvent): void {
    const { envelope, tokenIds, text, logprobs } = event;
    this.#identity ??= this.#identityIn(envelope);
    this.#promptIds ??= event.promptIds;
    if (event.more) this.#given.obstacle ??= "unfit";
    this.#given.add(tokenIds, text !== "");
    this.#said.add(text);
    if (logprobs !== undefined) this.#given.told(logprobs.tokens, logprobs.offsets);
    if (event.finishReason !== undefined) this.#finished = true;
    if (event.usageOnly) this.#usageTold = true;
    const usage = asUsage(envelope["usage"]);
    this.#cached = cachedIn(usage) ?? this.#cached;
    this.#usage = usage ?? this.#usage;
  }

  #identityIn({ id, created, model }: WatchedEvent["envelope"]): AnswerIdentity | undefined {
    const { form, logprobs } = this.#parts.request;
    return typeof id === "string" && typeof created === "number" && typeof model === "string"
      ? { form, id, created, model, topLogprobs: logprobs }
      : undefined;
  }

  /** Whether the answer goes on behind a failure; what is left of it is read from there then. */
  async #goOn(error: unknown): Promise<boolean> {
    const { pair, flight, opened } = this.#parts;
    const known = asDecodeError(pair.decode, error);
    if (!this.#gone.aborted) flight.failed(known);
    if (this.#finished && this.#complete()) {
      this.#continuation.completed();
      this.#close();
      return true;
    }
    if (this.#identity === undefined) return false;
    const continued = await this.#continuation.next(known, this.#gone);
    if (continued === undefined) return false;
    opened.close();
    flight[Symbol.dispose]();
    this.#closed = true;
    this.#take(continued);
    return true;
  }

  #take(continued: Continued): void {
    if (continued.kind === "ended") return this.#drain();
    const { open, seam, pump, flight } = continued;
    const close = (): void => open.response[Symbol.dispose]();
    this.#onward = new HandoffStream(this.#deps, {
      head: undefined,
      open: () => Promise.resolve({ kind: "open", open, close }),
      seam,
      pump,
      writer: this.#ownWriter(),
      flight,
      signal: this.#gone,
      timedOut: () => decodeError(seam.engine, "waited for KV that is there"),
      continuation: this.#continuation,
      told: this.#context.told,
    });
  }

  /** Tell what engines tell behind an answer's end; false where it is not known. */
  #complete(): boolean {
    const { request, usage } = this.#parts;
    const owed = request.includeUsage === true && !this.#usageTold;
    const total = owed ? stoppedUsage(usage(), this.#given.ids.length) : undefined;
    if (owed && (total === undefined || this.#given.obstacle !== undefined)) return false;
    this.#ownWriter().close(total);
    this.#drain();
    return true;
  }

  #drain(): void {
    const writer = this.#ownWriter();
    for (let bytes = writer.take(); bytes !== undefined; bytes = writer.take()) {
      this.#out.add(bytes);
    }
  }

  #ownWriter(): StreamWriter {
    const { request } = this.#parts;
    if (this.#writer === undefined) {
      const identity = this.#identity ??
        { form: request.form, id: this.#context.id, created: 0, model: request.model };
      const includeUsage = request.includeUsage === true;
      this.#writer = new StreamWriter(identity, { includeUsage });
    }
    return this.#writer;
  }

  async #maxTokens(): Promise<number | undefined> {
    const { request, pair } = this.#parts;
    const { model, form, maxTokens } = request;
    const ids = this.#promptIds;
    const { breather, fleet, limits } = this.#deps;
    const count = ids === undefined ? undefined : await inSlices(countingIds(ids), breather);
    if (count === undefined) return undefined;
    const own = maxTokens === undefined
      ? await limits.of(pair.decode, model, form, this.#context.headers)
      : undefined;
    const budget = budgetOf(request, count, fleet.snapshot().maxModelLen(model), own);
    return budget.kind === "tokens" ? budget.maxTokens : undefined;
  }

  /** One line or event: what goes before it, what it is made of, and its end. */
  #add(parts: ByteParts, end: Uint8Array, start?: Uint8Array): void {
    if (start !== undefined) this.#out.add(start);
    for (const part of parts) this.#out.add(part);
    this.#out.add(end);
  }

  #land(): void {
    this.#parts.flight.used(this.#tokens());
    this.#parts.flight.ok();
    if (this.#done) this.#parts.onEnd?.(this.#cached);
    this.#close();
  }

  #tokens(): AnswerTokens {
    if (this.#usage === undefined) return { answer: this.#given.ids.length, about: true };
    const { prompt_tokens: prompt, completion_tokens: answer } = this.#usage;
    return { prompt, answer };
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.opened.close();
    this.#parts.flight[Symbol.dispose]();
  }
}
