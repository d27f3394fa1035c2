/** The streamed answer to a list of prompts: their streams as one, read as the client reads. @module */
import { type ByteParts, inSlices, type RouterError } from "../base/mod.ts";
import {
  EventMerger,
  identityMembers,
  type JsonObject,
  type MergedEvent,
  type MergedIdentity,
  mergeUsage,
  OutBuffer,
  SMALL_JSON_BYTES,
  type Usage,
} from "../openai/mod.ts";
import { type Answer, type ByteSource, isWhole, type RequestContext } from "../request/mod.ts";
import { DONE_EVENT, EVENT_END, EVENT_START, SseDecoder } from "../sse/mod.ts";
import { engineError, type Fatal, fatalOf, notAStream, refusal } from "./fan_out_failure.ts";
import type { BegunPrompt, PromptEnd, PromptList } from "./prompt_list.ts";

/** What the body is made of. */
export interface FanOutStreamParts {
  readonly list: PromptList;
  /** Prompts that are answered already; others follow as these end. */
  readonly begun: readonly BegunPrompt[];
  readonly identity: MergedIdentity;
  /** Choices per prompt. */
  readonly n: number;
  readonly includeUsage: boolean;
  /** As in `RequestContext`. */
  readonly told?: RequestContext["told"];
}

/** A prompt whose answer is being read. */
interface Reading {
  readonly index: number;
  readonly body: ByteSource;
  readonly decoder: SseDecoder;
  readonly merger: EventMerger;
  /** Its `[DONE]` has come. */
  done: boolean;
}

/** Something that has happened to a prompt. */
type News =
  | { readonly kind: "begun"; readonly prompt: BegunPrompt; readonly end: PromptEnd }
  | { readonly kind: "bytes"; readonly reading: Reading; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "broke"; readonly reading: Reading; readonly error: unknown };

/**
 * Reads all prompts under way at once, each at most one read ahead of the client: what has come is
 * given out with the next `read`, and a prompt is read on when its bytes have been taken.
 */
export class FanOutStream implements ByteSource {
  readonly #parts: FanOutStreamParts;
  readonly #onEnd = (): void => this.cancel();
  /** Prompts to be read on with the next `read`. */
  #idle: Reading[] = [];
  readonly #readings = new Set<Reading>();
  readonly #opening = new Set<BegunPrompt>();
  #news: News[] = [];
  #wake: (() => void) | undefined;
  /** By prompt. */
  readonly #usages: (Usage | undefined)[];
  #usageBody: JsonObject | undefined;
  readonly #out = new OutBuffer();
  #closed = false;
  #failure: RouterError | undefined;

  constructor(parts: FanOutStreamParts) {
    this.#parts = parts;
    this.#usages = Array.from({ length: parts.list.size }, () => undefined);
    for (const prompt of parts.begun) this.#open(prompt);
    if (parts.list.signal.aborted) this.cancel();
    else parts.list.signal.addEventListener("abort", this.#onEnd, { once: true });
  }

  get failure(): RouterError | undefined {
    return this.#failure;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const out = this.#out.take();
      if (out !== undefined || this.#closed) return out;
      for (const reading of this.#idle) this.#pull(reading);
      this.#idle = [];
      if (this.#readings.size + this.#opening.size === 0) {
        this.#finish();
        continue;
      }
      if (this.#news.length === 0) await this.#wait();
      const news = this.#news;
      this.#news = [];
      for (const item of news) {
        const fatal = await this.#take(item);
        // The client may have gone meanwhile.
        if (this.#closed) return undefined;
        if (fatal === undefined) continue;
        this.#failure = fatal.failure;
        this.#out.add(fatal.event);
        this.cancel();
        break;
      }
    }
  }

  cancel(): void {
    if (this.#closed) return;
    this.#close();
    this.#parts.list.end();
    for (const { body } of this.#readings) body.cancel();
    for (const { end } of this.#opening) this.#parts.list.abandon(end);
    this.#wake?.();
  }

  #close(): void {
    this.#closed = true;
    this.#parts.list.signal.removeEventListener("abort", this.#onEnd);
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tell(news: News): void {
    if (this.#closed) return;
    this.#news.push(news);
    this.#wake?.();
  }

  #open(prompt: BegunPrompt): void {
    this.#opening.add(prompt);
    prompt.end.then((end) => this.#tell({ kind: "begun", prompt, end }));
  }

  #pull(reading: Reading): void {
    reading.body.read().then(
      (bytes) => this.#tell({ kind: "bytes", reading, bytes }),
      (error: unknown) => this.#tell({ kind: "broke", reading, error }),
    );
  }

  #take(news: News): Fatal | undefined | Promise<Fatal | undefined> {
    switch (news.kind) {
      case "begun":
        return this.#takeBegun(news.prompt, news.end);
      case "bytes":
        return news.bytes === undefined
          ? this.#takeEnd(news.reading)
          : this.#takeBytes(news.reading, news.bytes);
      case "broke":
        return fatalOf(news.error, this.#parts.told);
      default:
        return news satisfies never;
    }
  }

  #takeBegun(prompt: BegunPrompt, end: PromptEnd): Fatal | undefined {
    this.#opening.delete(prompt);
    if (end.kind === "failed") return fatalOf(end.error, this.#parts.told);
    if (end.kind === "refused") return refusal(end.answer, this.#parts.told);
    const { n, identity } = this.#parts;
    const reading: Reading = {
      index: prompt.index,
      body: sourceOf(end.answer.body),
      decoder: new SseDecoder(),
      merger: new EventMerger(prompt.index, n, identity),
      done: false,
    };
    this.#readings.add(reading);
    this.#idle.push(reading);
    return undefined;
  }

  async #takeBytes(reading: Reading, bytes: Uint8Array): Promise<Fatal | undefined> {
    const { decoder, merger } = reading;
    try {
      decoder.push(bytes);
      for (let data = decoder.next(); data !== undefined; data = decoder.next()) {
        const event = data.length > SMALL_JSON_BYTES
          ? await inSlices(merger.readLarge(data), this.#parts.list.breather)
          : merger.read(data);
        const fatal = this.#takeEvent(reading, event);
        if (fatal !== undefined) return fatal;
      }
    } catch (error) {
      return fatalOf(error, this.#parts.told);
    }
    this.#idle.push(reading);
    return undefined;
  }

  #takeEvent(reading: Reading, event: MergedEvent): Fatal | undefined {
    switch (event.kind) {
      case "pass":
        // What is large in it is a view: it is taken before this prompt is read on.
        this.#add(EVENT_START, ...event.data, EVENT_END);
        return undefined;
      case "usage":
        if (event.usage === undefined) return undefined;
        this.#usages[reading.index] = event.usage;
        this.#usageBody ??= event.body;
        return undefined;
      case "done":
        reading.done = true;
        return undefined;
      case "error":
        return engineError(event.data, reading.body.failure);
      case "malformed":
        return notAStream(`has an event that is none: ${event.problem}`);
      default:
        return event satisfies never;
    }
  }

  #add(...parts: ByteParts): void {
    for (const part of parts) this.#out.add(part);
  }

  #takeEnd(reading: Reading): Fatal | undefined {
    this.#readings.delete(reading);
    if (!reading.done) return notAStream("ended its stream without [DONE]");
    const prompt = this.#parts.list.next();
    if (prompt !== undefined) this.#open(prompt);
    return undefined;
  }

  /** The last events, when every prompt is answered. */
  #finish(): void {
    this.#close();
    this.#parts.list.release();
    const usage = mergeUsage(this.#usages);
    const body = this.#usageBody;
    if (this.#parts.includeUsage && usage !== undefined && body !== undefined) {
      const set = { ...identityMembers(this.#parts.identity), usage: JSON.stringify(usage) };
      this.#add(EVENT_START, ...body.edited({ set }), EVENT_END);
    }
    this.#add(DONE_EVENT);
  }
}

/** What is taken at once of a body that is whole, in bytes. */
const PIECE_BYTES = 256 * 1024;

/** A body as a source, whatever it is. */
function sourceOf(body: Answer["body"]): ByteSource {
  if (!isWhole(body)) return body;
  let rest: Uint8Array | undefined = body;
  return {
    read() {
      const bytes = rest?.subarray(0, PIECE_BYTES);
      rest = rest !== undefined && rest.length > PIECE_BYTES
        ? rest.subarray(PIECE_BYTES)
        : undefined;
      return Promise.resolve(bytes);
    },
    cancel: () => {},
  };
}
