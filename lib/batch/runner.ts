/**
 * Answers batches, one request after the other, behind all that clients ask themselves.
 *
 * Where a batch stands is in the database alone: each step begins with what is there, and may be begun
 * again, in this process or in the next.
 * @module
 */
import { describeError, sleep, type Timer } from "../base/mod.ts";
import { answerLine, type AnswerLineOptions } from "./answer_line.ts";
import type { BatchTable } from "./batch_table.ts";
import { closeBatch, type ClosingOptions } from "./closing.ts";
import type { Disk } from "./disk.ts";
import type { FileStore } from "./file_store.ts";
import type { BatchLine, LineTable } from "./lines.ts";
import type { ResultWriter } from "./result_writer.ts";
import { RunningBatch } from "./running_batch.ts";
import type { StoredBatch } from "./stored_batch.ts";
import { forgetLines, validate } from "./validation.ts";

/** What a runner works with. */
export interface RunnerOptions extends ClosingOptions, AnswerLineOptions {
  readonly disk: Disk;
  readonly batches: BatchTable;
  readonly lines: LineTable;
  readonly files: FileStore;
  readonly writer: ResultWriter;
  /** Requests at once, over all batches. */
  readonly concurrency: number;
  /** Bytes of requests under way, beyond which no other is asked. */
  readonly maxAskedBytes: number;
  /** Longest line of an input, in bytes. */
  readonly maxLineBytes: number;
}

/** From one try of a step to the next, in milliseconds. */
const LEAST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 30_000;

/** How often it is looked whether files have been deleted, where there is no room for results. */
const ROOM_MS = 1_000;

/** Batches that are read at a time. */
const ROWS = 64;

/** Runs what is open. */
export class BatchRunner implements AsyncDisposable {
  readonly #options: RunnerOptions;
  readonly #stop = new AbortController();
  readonly #lives = new Map<number, Promise<void>>();
  /** By number; those of one owner are asked in turn, and owners too. */
  readonly #running = new Map<number, RunningBatch>();
  readonly #owners: string[] = [];
  #asked = 0;
  #askedBytes = 0;
  #resting = false;
  #validating: Promise<unknown> = Promise.resolve();
  #timer: Timer | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Requests under way. */
  get asked(): number {
    return this.#asked;
  }

  /** Go on with all that is open. */
  start(): void {
    for (let after = 0;;) {
      const open = this.#options.batches.openBehind(after, ROWS);
      for (const { seq } of open) this.see(seq);
      const last = open.at(-1);
      if (last === undefined) return;
      after = last.seq;
    }
  }

  /** A batch is there, or is not wanted any more. */
  see(seq: number): void {
    if (this.#stop.signal.aborted || this.#resting) return;
    if (this.#options.batches.get(seq)?.status === "cancelling") {
      this.#running.get(seq)?.stop("cancelled");
    }
    if (this.#lives.has(seq)) return;
    this.#lives.set(seq, this.#live(seq).finally(() => this.#lives.delete(seq)));
  }

  /** Ask nothing more; resolves when what was asked has its results. */
  async rest(): Promise<void> {
    this.#resting = true;
    for (const running of this.#running.values()) running.rest();
    await Promise.all(this.#lives.values());
  }

  /** Ask nothing more, and want no more answers: they are asked for again by whoever goes on. */
  halt(): void {
    this.#stop.abort();
    this.#timer?.cancel();
    for (const running of this.#running.values()) running.stop("stopped");
  }

  /** Nothing runs any more when this resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.halt();
    await Promise.all([...this.#lives.values(), this.#options.writer.stop()]);
  }

  get #over(): boolean {
    return this.#resting || this.#stop.signal.aborted;
  }

  /** From where it stands to its end; a step that fails is begun again. */
  async #live(seq: number): Promise<void> {
    const { batches, clock, log } = this.#options;
    for (let pauseMs = LEAST_PAUSE_MS; !this.#over;) {
      const before = batches.get(seq);
      if (before === undefined) return;
      try {
        if (await this.#step(before) === "over") return;
        pauseMs = LEAST_PAUSE_MS;
      } catch (error) {
        log.error("A batch cannot go on", () => ({
          batch: before.id,
          status: before.status,
          error: describeError(error),
        }));
        await sleep(clock, pauseMs, this.#stop.signal);
        pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS);
      }
    }
  }

  async #step(batch: StoredBatch): Promise<"on" | "over"> {
    const { status } = batch;
    switch (status) {
      case "validating":
        await this.#inTurn(() => this.#validate(batch));
        return "on";
      case "in_progress":
        await this.#ask(batch);
        return "on";
      case "finalizing":
      case "cancelling":
        await closeBatch(this.#options, batch, () => this.#over);
        return "on";
      case "completed":
      case "failed":
      case "expired":
      case "cancelled":
        await forgetLines(this.#options, batch.seq);
        this.#options.log.info("A batch is over", () => ({ batch: batch.id, status }));
        return "over";
      default:
        return status satisfies never;
    }
  }

  /** One input is read at a time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const mine = this.#validating.then(work);
    this.#validating = mine.catch(() => {});
    return mine;
  }

  async #validate(batch: StoredBatch): Promise<void> {
    const { batches } = this.#options;
    const { seq } = batch;
    const wanted = (): boolean => !this.#over && batches.get(seq)?.status === "validating";
    if (!wanted()) return;
    const found = await validate(this.#options, batch, wanted);
    const at = this.#seconds();
    switch (found.kind) {
      case "valid":
        batches.move(seq, {
          from: "validating",
          to: "in_progress",
          times: ["in_progress_at"],
          at,
          total: found.total,
        });
        return;
      case "invalid":
        batches.move(seq, {
          from: "validating",
          to: "failed",
          times: ["failed_at"],
          at,
          errors: JSON.stringify(found.problems),
        });
        return;
      case "left":
        return;
      default:
        return found satisfies never;
    }
  }

  /** Ask what has no result, until there is nothing left, or no time. */
  async #ask(batch: StoredBatch): Promise<void> {
    const { batches, clock } = this.#options;
    const { seq, owner } = batch;
    const running = new RunningBatch({ ...this.#options, batch });
    this.#running.set(seq, running);
    if (!this.#owners.includes(owner)) this.#owners.push(owner);
    const leftMs = batch.expiresAt * 1000 - clock.unixMs();
    const timer = clock.after(leftMs, () => running.stop("expired"));
    try {
      // Cancelled since it was read.
      if (batches.get(seq)?.status !== "in_progress") running.stop("cancelled");
      if (leftMs <= 0) running.stop("expired");
      this.#pump();
      const end = await running.ended;
      if (end !== "done" && end !== "expired") return;
      batches.move(seq, {
        from: "in_progress",
        to: "finalizing",
        times: end === "expired" ? ["finalizing_at", "expired_at"] : ["finalizing_at"],
        at: this.#seconds(),
      });
    } finally {
      timer.cancel();
      this.#running.delete(seq);
      if (![...this.#running.values()].some(({ batch: other }) => other.owner === owner)) {
        this.#owners.splice(this.#owners.indexOf(owner), 1);
      }
    }
  }

  /** Ask as much as may be asked at once; never throws. */
  #pump(): void {
    const { clock, log } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#over) return;
    try {
      this.#askMore();
    } catch (error) {
      log.error("Cannot read what batches ask for", () => ({ error: describeError(error) }));
      this.#timer = clock.after(MOST_PAUSE_MS, () => this.#pump());
    }
  }

  #askMore(): void {
    const { concurrency, maxAskedBytes, files, clock, log } = this.#options;
    if (!files.hasRoom && this.#running.size > 0) {
      log.warning("There is no room for results (--max-storage-bytes): batches wait");
      this.#timer = clock.after(ROOM_MS, () => this.#pump());
      return;
    }
    while (this.#asked < concurrency && this.#askedBytes < maxAskedBytes) {
      const next = this.#next();
      if (next === undefined) break;
      const { running, line } = next;
      const bytes = line.body.end - line.body.start;
      this.#asked++;
      this.#askedBytes += bytes;
      answerLine(this.#options, running, line).finally(() => {
        this.#asked--;
        this.#askedBytes -= bytes;
        this.#pump();
      });
    }
    const rests = [...this.#running.values()].map(({ restMs }) => restMs).filter((ms) => ms > 0);
    if (rests.length > 0) this.#timer = clock.after(Math.min(...rests), () => this.#pump());
  }

  /** Owners take turns; of one, the oldest batch goes first. */
  #next(): { readonly running: RunningBatch; readonly line: BatchLine } | undefined {
    for (const [place, owner] of this.#owners.entries()) {
      for (const running of this.#running.values()) {
        if (running.batch.owner !== owner) continue;
        const line = running.take();
        if (line === undefined) continue;
        this.#owners.splice(place, 1);
        this.#owners.push(owner);
        return { running, line };
      }
    }
    return undefined;
  }

  #seconds(): number {
    return Math.floor(this.#options.clock.unixMs() / 1000);
  }
}
