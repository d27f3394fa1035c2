/** A batch whose requests are being asked. @module */
import type { Clock, Random } from "../base/mod.ts";
import type { BatchLine, LineTable } from "./lines.ts";
import { Pace } from "./pace.ts";
import type { StoredBatch } from "./stored_batch.ts";

/** Why no more of it is asked. */
export type BatchEnd = "done" | "expired" | "cancelled" | "stopped";

/** What a running batch works with. */
export interface RunningBatchOptions {
  readonly batch: StoredBatch;
  readonly lines: Pick<LineTable, "unsettled">;
  readonly clock: Pick<Clock, "now">;
  readonly random: Pick<Random, "next">;
  /** Requests at once, at most. */
  readonly concurrency: number;
}

/** Lines that are read ahead. */
const AHEAD = 64;

/** Lines that wait to be asked again, beyond which no others are asked: they may be of another model. */
const MAX_AGAIN = 1024;

/** Tries, at least, of one request that fails otherwise than for want of room. */
const LEAST_TRIES = 3;

/** Tries of a request that have failed, and when the first did. */
interface Tries {
  readonly count: number;
  readonly sinceMs: number;
}

/** Hands out lines one by one; each that was taken is given back, or settled, once. */
export class RunningBatch {
  readonly batch: StoredBatch;
  readonly #options: RunningBatchOptions;
  readonly #pace: Pace;
  readonly #ended = Promise.withResolvers<BatchEnd>();
  readonly #abort = new AbortController();
  readonly #tries = new Map<number, Tries>();
  #ahead: BatchLine[] = [];
  #again: BatchLine[] = [];
  /** The last line that was read. */
  #read = 0;
  #exhausted = false;
  #asked = 0;
  #end: BatchEnd | undefined;

  constructor(options: RunningBatchOptions) {
    this.#options = options;
    this.batch = options.batch;
    this.#pace = new Pace(options.concurrency);
  }

  /** Resolves when no line of it is being asked, and none will be. */
  get ended(): Promise<BatchEnd> {
    return this.#ended.promise;
  }

  /** Aborts when the answers of its requests are wanted no more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** How long it rests, in milliseconds; 0 where it does not. */
  get restMs(): number {
    return this.#pace.waitMs(this.#options.clock.now());
  }

  /** The next line to ask; undefined where there is none at this moment. */
  take(): BatchLine | undefined {
    if (this.#end !== undefined || this.restMs > 0 || this.#asked >= this.#pace.window) {
      return undefined;
    }
    const fresh = this.#again.length < MAX_AGAIN ? this.#next() : undefined;
    const line = fresh ?? this.#again.shift();
    if (line === undefined) this.#settle();
    else this.#asked++;
    return line;
  }

  /** The result of a line that was taken is written. */
  settled({ line }: BatchLine): void {
    this.#tries.delete(line);
    this.#pace.answered();
    this.#giveBack();
  }

  /** There was no room for a line that was taken: it is asked again, later. */
  refused(line: BatchLine, askedMs: number | undefined): void {
    const { clock, random } = this.#options;
    this.#pace.refused(clock.now(), random.next(), askedMs);
    this.returned(line);
  }

  /** A line that was taken is to be asked again. */
  returned(line: BatchLine): void {
    this.#again.push(line);
    this.#giveBack();
  }

  /** A try of a line has failed; whether there is to be another, for `patienceMs` from the first on. */
  mayTry({ line }: BatchLine, patienceMs: number): boolean {
    const now = this.#options.clock.now();
    const { count, sinceMs } = this.#tries.get(line) ?? { count: 0, sinceMs: now };
    this.#tries.set(line, { count: count + 1, sinceMs });
    return count + 1 < LEAST_TRIES || now - sinceMs < patienceMs;
  }

  /** Ask no more, and want no more answers; it ends when those have ended that are being asked. */
  stop(end: Exclude<BatchEnd, "done">): void {
    this.#end ??= end;
    this.#abort.abort();
    this.#settle();
  }

  /** Ask no more; those that are being asked go on to their end. */
  rest(): void {
    this.#end ??= "stopped";
    this.#settle();
  }

  #next(): BatchLine | undefined {
    if (this.#ahead.length === 0 && !this.#exhausted) {
      this.#ahead = [...this.#options.lines.unsettled(this.batch.seq, this.#read, AHEAD)];
      this.#read = this.#ahead.at(-1)?.line ?? this.#read;
      this.#exhausted = this.#ahead.length < AHEAD;
    }
    return this.#ahead.shift();
  }

  #giveBack(): void {
    this.#asked--;
    this.#settle();
  }

  #settle(): void {
    if (this.#asked > 0) return;
    const done = this.#exhausted && this.#ahead.length === 0 && this.#again.length === 0;
    if (this.#end !== undefined) this.#ended.resolve(this.#end);
    else if (done) this.#ended.resolve("done");
  }
}
