/** Files and batches, put together. @module */
import { type Breather, type Clock, type Logger, type Random, RouterError } from "../base/mod.ts";
import type { LineEnd } from "./answer_line.ts";
import type { AskLine } from "./asking.ts";
import { BatchService } from "./batch_service.ts";
import { BatchTable } from "./batch_table.ts";
import { Database } from "./database.ts";
import { openDisk } from "./disk.ts";
import { FileStore, type StoreLimits } from "./file_store.ts";
import { LineTable } from "./lines.ts";
import { ResultWriter } from "./result_writer.ts";
import { BatchRunner } from "./runner.ts";

/** What they are made from. */
export interface BatchesOptions {
  /** The folder of all that is kept; made where there is none. */
  readonly folder: string;
  readonly limits: StoreLimits;
  /** Requests at once. */
  readonly concurrency: number;
  /** Bytes of requests under way, beyond which no other is asked. */
  readonly maxAskedBytes: number;
  /** Longest line of an input, in bytes. */
  readonly maxLineBytes: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly breather: Breather;
  readonly onLine: (end: LineEnd) => void;
}

/** The database, and the folder of files, in the folder. */
const DATABASE = "batches.sqlite";
const FILES = "files";

/** All that is kept of files and batches, and what answers these once it is started. */
export class Batches implements AsyncDisposable {
  readonly files: FileStore;
  readonly batches: BatchService;
  readonly #db: Database;
  readonly #table: BatchTable;
  readonly #startRunner: (ask: AskLine) => BatchRunner;
  #runner: BatchRunner | undefined;

  private constructor(
    db: Database,
    table: BatchTable,
    files: FileStore,
    service: BatchService,
    startRunner: (ask: AskLine) => BatchRunner,
  ) {
    this.#db = db;
    this.#table = table;
    this.files = files;
    this.batches = service;
    this.#startRunner = startRunner;
  }

  /** Open what is kept in the folder. Rejects with `RouterError` where another router has it open. */
  static async open(options: BatchesOptions): Promise<Batches> {
    const { folder, clock, random, log, limits } = options;
    const disk = await openDisk(`${folder}/${FILES}`).catch((cause: unknown) => {
      throw new RouterError("internal", `Cannot keep files in ${folder}`, { cause });
    });
    const db = new Database(`${folder}/${DATABASE}`);
    try {
      const table = new BatchTable(db);
      const lines = new LineTable(db);
      const files = new FileStore({ db, disk, batches: table, clock, random, limits });
      await files.clean();
      const parts = { db, disk, batches: table, lines, files, clock, log };
      const onChange = (seq: number): void => all.#runner?.see(seq);
      const service = new BatchService({ batches: table, files, clock, random, onChange });
      const all: Batches = new Batches(db, table, files, service, (ask) => {
        const writer = new ResultWriter(parts);
        return new BatchRunner({ ...options, ...parts, writer, ask });
      });
      return all;
    } catch (error) {
      db[Symbol.dispose]();
      throw error;
    }
  }

  /** Batches that are not over. */
  get open(): number {
    return this.#table.open;
  }

  /** Requests of batches under way. */
  get asked(): number {
    return this.#runner?.asked ?? 0;
  }

  /** Answer what is there, and what comes, by `ask`. Once. */
  start(ask: AskLine): void {
    this.#runner = this.#startRunner(ask);
    this.#runner.start();
  }

  /** Ask nothing more; resolves when what was asked has its results. */
  async rest(): Promise<void> {
    await this.#runner?.rest();
  }

  /** Want no more answers. */
  halt(): void {
    this.#runner?.halt();
  }

  /** Close what is open. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#runner?.[Symbol.asyncDispose]();
    } finally {
      this.#db[Symbol.dispose]();
    }
  }
}
