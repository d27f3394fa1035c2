/** One cache's events, from its publisher into the index: gaps, restarts, and what was missed. @module */
import type { Breather, Clock, Logger, Random } from "../base/mod.ts";
import { type DialZmtp, subscribe, type ZmtpAddress } from "../zmq/mod.ts";
import { decodeBatch, GroupFilter } from "./decode_batch.ts";
import type { KvCache } from "./kv_index.ts";
import { MESSAGE_LIMITS } from "./limits.ts";
import { KindError, MsgpackError } from "./msgpack_reader.ts";
import { type NumberedBatch, numberIn, replay } from "./replay.ts";

/** What became of an event, or of a batch that is none. */
export type KvEventResult = "applied" | "ignored" | "malformed" | "orphaned";

/** What became of a gap: all told again, some of it no more, or nothing. */
export type KvGapResult = "replayed" | "cut" | "lost";

/** Where one cache's events come from. */
export interface FeedSource {
  readonly events: ZmtpAddress;
  /** Where missed ones are asked for; undefined where nowhere. */
  readonly replay: ZmtpAddress | undefined;
  readonly topic: string;
}

/** What feeds work with. */
export interface FeedParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dial: DialZmtp;
  readonly breather: Breather;
  readonly onEvents: (result: KvEventResult, count: number) => void;
  readonly onGap: (result: KvGapResult) => void;
}

/** Rounds of one replay: each must bring something, as a ROUTER drops what is too much for it. */
const MAX_ROUNDS = 1_000;

/** So much of a batch tells it from another with its number. */
const PRINT_BYTES = 48;

/** Follows one publisher until it is disposed. */
export class KvFeed implements AsyncDisposable {
  readonly #source: FeedSource;
  readonly #parts: FeedParts;
  readonly #cache: KvCache;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #groups = new GroupFilter();
  /** The last batch that is in the index, and how it begins. */
  #last: number | undefined;
  #print = new Uint8Array(0);
  /** The last number that came over this connection. */
  #live: number | undefined;
  #known = false;
  #failing = false;

  constructor(source: FeedSource, cache: KvCache, parts: FeedParts) {
    this.#source = source;
    this.#cache = cache;
    this.#parts = parts;
    this.#running = this.#run();
  }

  /** Whether the index has what its publisher has told so far. */
  get known(): boolean {
    return this.#known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#cache.clear();
  }

  async #run(): Promise<void> {
    const { clock, random, dial } = this.#parts;
    const { events, topic } = this.#source;
    const { signal } = this.#stop;
    const options = { clock, random, dial, topic, signal, limits: MESSAGE_LIMITS };
    for await (const event of subscribe(events, options)) {
      switch (event.kind) {
        case "open":
          await this.#opened();
          break;
        case "message":
          await this.#message(event.frames);
          break;
        case "lost":
          this.#lost(event.reason);
          break;
        default:
          event satisfies never;
      }
      if (signal.aborted) return;
    }
  }

  /** What was known may be of an engine that is no more: its last batch says whether it is the same. */
  async #opened(): Promise<void> {
    this.#live = undefined;
    if (this.#source.replay !== undefined) {
      const isSame = this.#last !== undefined && await this.#goOn(this.#last);
      if (!isSame) {
        this.#forget();
        await this.#catchUp(0);
      }
    } else this.#forget();
    if (this.#stop.signal.aborted) return;
    this.#known = true;
    this.#failing = false;
    this.#parts.log.info("Following an engine's KV events", () => ({ endpoint: this.#endpoint }));
  }

  #lost(reason: string): void {
    this.#known = false;
    // Nothing will say whether it is the same engine that comes back.
    if (this.#source.replay === undefined) this.#forget();
    if (this.#failing) return;
    this.#failing = true;
    this.#parts.log.warning("Cannot follow an engine's KV events", () => ({
      endpoint: this.#endpoint,
      reason,
    }));
  }

  async #message(frames: readonly Uint8Array[]): Promise<void> {
    const [, number, payload] = frames;
    const seq = number === undefined ? undefined : numberIn(number);
    if (payload === undefined || seq === undefined || seq === "end") {
      this.#parts.onEvents("malformed", 1);
      return;
    }
    // Numbers grow on one connection, unless there is another engine behind it.
    if (this.#live !== undefined && seq <= this.#live) this.#forget();
    this.#live = seq;
    const next = this.#last === undefined ? 0 : this.#last + 1;
    if (seq > next) await this.#missed(next, seq);
    if (this.#last !== undefined && seq <= this.#last) return;
    await this.#apply({ seq, payload });
  }

  /** Batches from `from` to before `seq` are missing. */
  async #missed(from: number, seq: number): Promise<void> {
    // Before the first, what was published to nobody is no loss of ours.
    const hadSome = this.#last !== undefined;
    const isCut = await this.#catchUp(from);
    const isWhole = this.#last !== undefined && this.#last >= seq - 1;
    if (hadSome && !isWhole) this.#forget();
    if (hadSome) this.#parts.onGap(!isWhole ? "lost" : isCut ? "cut" : "replayed");
  }

  /** Whether the publisher still has the batch `last` that we had; then what came behind it is in too. */
  async #goOn(last: number): Promise<boolean> {
    let same: boolean | undefined;
    await this.#replayFrom(last, async (batch) => {
      same ??= batch.seq === last && isSame(batch.payload, this.#print);
      return same && (batch.seq <= last || await this.#isNext(batch));
    });
    if (same === true && this.#last !== last) this.#parts.onGap("replayed");
    return same === true;
  }

  /** Have what there is from `from` on told again. Whether some of it is told no more. */
  async #catchUp(from: number): Promise<boolean> {
    let cut = false;
    let want = from;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      let first = true;
      const before = this.#last;
      const end = await this.#replayFrom(want, async (batch) => {
        // Before the first answer of a connection, none was dropped: the publisher has kept no more.
        if (first && round === 0 && batch.seq > want) {
          cut = true;
          this.#forget();
        }
        first = false;
        if (this.#last !== undefined && batch.seq <= this.#last) return true;
        return await this.#isNext(batch);
      });
      if (end !== "holes" || this.#last === before || this.#last === undefined) return cut;
      want = this.#last + 1;
    }
    return cut;
  }

  async #isNext(batch: NumberedBatch): Promise<boolean> {
    if (this.#last !== undefined && batch.seq !== this.#last + 1) return false;
    await this.#apply(batch);
    return !this.#stop.signal.aborted;
  }

  async #replayFrom(
    from: number,
    take: (batch: NumberedBatch) => Promise<boolean>,
  ): Promise<"all" | "holes" | "failed"> {
    const { replay: address } = this.#source;
    if (address === undefined) return "failed";
    const { clock, dial, log } = this.#parts;
    const end = await replay(from, { clock, dial, address, signal: this.#stop.signal }, take);
    if (end.kind === "failed" && !this.#stop.signal.aborted) {
      log.warning("An engine does not tell its KV events again", () => ({
        endpoint: `tcp://${address.host}:${address.port}`,
        reason: end.reason,
      }));
    }
    return end.kind;
  }

  async #apply({ seq, payload }: NumberedBatch): Promise<void> {
    const { breather, onEvents } = this.#parts;
    this.#last = seq;
    this.#print = payload.slice(0, PRINT_BYTES);
    try {
      const { events, ignored, malformed } = decodeBatch(payload, this.#groups);
      let orphaned = 0;
      for (const event of events) if (this.#cache.apply(event) > 0) orphaned++;
      onEvents("applied", events.length - orphaned);
      onEvents("ignored", ignored);
      onEvents("malformed", malformed);
      onEvents("orphaned", orphaned);
    } catch (error) {
      if (!(error instanceof MsgpackError) && !(error instanceof KindError)) throw error;
      // It may have told of what is no more.
      this.#cache.clear();
      onEvents("malformed", 1);
    }
    if (breather.tired()) await breather.pause();
  }

  #forget(): void {
    this.#cache.clear();
    this.#last = undefined;
    this.#groups = new GroupFilter();
  }

  get #endpoint(): string {
    const { host, port } = this.#source.events;
    return `tcp://${host}:${port}`;
  }
}

function isSame(payload: Uint8Array, print: Uint8Array): boolean {
  return payload.length >= print.length && print.every((byte, at) => byte === payload[at]);
}
