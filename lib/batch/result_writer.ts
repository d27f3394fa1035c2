/**
 * Writes results so that each line gets one, whenever the process ends.
 *
 * First the bytes are put behind what is known to be right of a file, and brought to disk; then one
 * transaction says that these lines are settled, and that so much more of the file is right. What a
 * process that ended in between has left behind the known length is cut off by the next write, and by
 * whoever finishes the file; the lines it was of are asked again.
 * @module
 */
import { type Clock, describeError, type Logger, sleep } from "../base/mod.ts";
import type { BatchTable } from "./batch_table.ts";
import type { Database } from "./database.ts";
import type { Disk } from "./disk.ts";
import type { FileStore } from "./file_store.ts";
import type { LineTable } from "./lines.ts";
import type { ResultLine } from "./result_line.ts";

/** What writing works with. */
export interface ResultWriterOptions {
  readonly db: Database;
  readonly disk: Pick<Disk, "append">;
  readonly batches: Pick<BatchTable, "get" | "gain">;
  readonly lines: Pick<LineTable, "settle">;
  readonly files: Pick<FileStore, "grow">;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Results in one transaction at most, and their bytes, but for one that is larger. */
const MAX_RESULTS = 256;
const MAX_BYTES = 4 * 1024 * 1024;

/** From one try to the next where nothing can be written, in milliseconds. */
const LEAST_PAUSE_MS = 250;
const MOST_PAUSE_MS = 10_000;

interface Waiting {
  readonly batch: number;
  readonly result: ResultLine;
  readonly resolve: (written: boolean) => void;
}

/** Results that come while others are written go together. Whoever writes waits, so that few do. */
export class ResultWriter {
  readonly #options: ResultWriterOptions;
  readonly #stop = new AbortController();
  #waiting: Waiting[] = [];
  #running = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: ResultWriterOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the result of a line of `batch` is on disk, with true; with false where the writer was
   * stopped before. A full disk is waited for.
   */
  write(batch: number, result: ResultLine): Promise<boolean> {
    if (this.#stop.signal.aborted) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push({ batch, result, resolve });
    if (!this.#running) this.#work = this.#run();
    return promise;
  }

  /** Write what there is once more, and no more; resolves when that has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#take(); next.length > 0; next = this.#take()) {
      const written = await this.#untilWritten(next);
      for (const { resolve } of next) resolve(written);
    }
    // In the same turn in which nothing was left: whoever comes later begins anew.
    this.#running = false;
  }

  /** The first that waits, and others of its batch. */
  #take(): readonly Waiting[] {
    const [first] = this.#waiting;
    if (first === undefined) return [];
    const taken: Waiting[] = [];
    const left: Waiting[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      bytes += one.batch === first.batch ? one.result.size : 0;
      const fits = one === first || (taken.length < MAX_RESULTS && bytes <= MAX_BYTES);
      (one.batch === first.batch && fits ? taken : left).push(one);
    }
    this.#waiting = left;
    return taken;
  }

  async #untilWritten(results: readonly Waiting[]): Promise<boolean> {
    const { clock, log } = this.#options;
    for (let pauseMs = LEAST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, MOST_PAUSE_MS)) {
      try {
        await this.#write(results);
        return true;
      } catch (error) {
        log.error("Cannot write results of a batch", () => ({ error: describeError(error) }));
      }
      if (await sleep(clock, pauseMs, this.#stop.signal) === "aborted") return false;
    }
  }

  async #write(waiting: readonly Waiting[]): Promise<void> {
    const { db, disk, batches, lines, files } = this.#options;
    const seq = waiting[0]?.batch ?? 0;
    const batch = batches.get(seq);
    if (batch === undefined) throw new RangeError(`There is no batch of number ${seq}`);
    const results = waiting.map(({ result }) => result);
    const good = results.filter(({ ok }) => ok);
    const bad = results.filter(({ ok }) => !ok);
    const { outputName, outputBytes, errorName, errorBytes } = batch;
    if (good.length > 0) await disk.append(outputName, outputBytes, partsOf(good));
    if (bad.length > 0) await disk.append(errorName, errorBytes, partsOf(bad));
    db.transaction(() => {
      for (const { line } of results) lines.settle(seq, line);
      batches.gain(seq, {
        completed: good.length,
        failed: bad.length,
        outputBytes: sizeOf(good),
        errorBytes: sizeOf(bad),
      });
    });
    files.grow(sizeOf(results));
  }
}

function partsOf(results: readonly ResultLine[]): Uint8Array[] {
  return results.flatMap(({ bytes }) => [...bytes]);
}

function sizeOf(results: readonly ResultLine[]): number {
  return results.reduce((sum, { size }) => sum + size, 0);
}
