/** Files and batches without a disk, and without time. @module */
import {
  type ByteParts,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  seededRandom,
  silentLogger,
} from "../../lib/base/mod.ts";
import type { AskLine, LineAnswer, LineRequest } from "../../lib/batch/asking.ts";
import { BatchService } from "../../lib/batch/batch_service.ts";
import { BatchTable } from "../../lib/batch/batch_table.ts";
import { Database } from "../../lib/batch/database.ts";
import type { Disk, DiskReader, DiskWriter, Stretch } from "../../lib/batch/disk.ts";
import { FileStore } from "../../lib/batch/file_store.ts";
import { LineTable } from "../../lib/batch/lines.ts";
import { ResultWriter } from "../../lib/batch/result_writer.ts";
import { BatchRunner } from "../../lib/batch/runner.ts";
import type { StoredBatch } from "../../lib/batch/stored_batch.ts";
import { fail } from "../support/assert.ts";
import { jsonl, type ResultRecord } from "../support/batches.ts";
import { CountingBreather } from "../support/counting_breather.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

/** Files in memory, which are as real ones but for what a test breaks. */
export class MemoryDisk implements Disk {
  readonly files = new Map<string, Uint8Array>();
  /** Thrown by the next writes, one each. */
  readonly faults: Error[] = [];

  create(name: string): Promise<DiskWriter> {
    if (this.files.has(name)) return Promise.reject(new Deno.errors.AlreadyExists(name));
    this.files.set(name, new Uint8Array(0));
    return Promise.resolve({
      write: (bytes) => this.append(name, this.files.get(name)?.length ?? 0, [bytes]),
      finish: () => Promise.resolve(),
      close: () => {},
    });
  }

  append(name: string, at: number, parts: ByteParts): Promise<void> {
    const fault = this.faults.shift();
    if (fault !== undefined) return Promise.reject(fault);
    const before = (this.files.get(name) ?? new Uint8Array(0)).subarray(0, at);
    this.files.set(name, concatBytes([before, ...parts]).slice());
    return Promise.resolve();
  }

  read(name: string, { start, end }: Stretch = { start: 0, end: Infinity }): Promise<DiskReader> {
    const bytes = this.files.get(name)?.slice(start, end);
    if (bytes === undefined) return Promise.reject(new Deno.errors.NotFound(name));
    return Promise.resolve(piecesOf([bytes]));
  }

  rename(from: string, to: string): Promise<void> {
    const bytes = this.files.get(from);
    if (bytes === undefined) return Promise.reject(new Deno.errors.NotFound(from));
    this.files.delete(from);
    this.files.set(to, bytes);
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.files.delete(name);
    return Promise.resolve();
  }

  list(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()]);
  }
}

/** Reads `pieces`, one at a time. */
export function piecesOf(pieces: readonly Uint8Array[]): DiskReader {
  const left = pieces.filter(({ length }) => length > 0);
  return {
    read: () => Promise.resolve(left.shift()),
    cancel: () => void (left.length = 0),
  };
}

/** An answer with `body`. */
export function answer(status: number, body: unknown, more: Partial<LineAnswer> = {}): LineAnswer {
  return {
    status,
    body: encodeUtf8(typeof body === "string" ? body : JSON.stringify(body)),
    retryAfterMs: undefined,
    release: () => {},
    ...more,
  };
}

/** The body that a request asks with. */
export async function bodyOf(request: LineRequest): Promise<Record<string, unknown>> {
  const reader = await request.body();
  const parts: Uint8Array[] = [];
  for (let part = await reader.read(); part !== undefined; part = await reader.read()) {
    parts.push(part);
  }
  return JSON.parse(decodeUtf8(concatBytes(parts)));
}

/** What a process would be built from, and what outlives it. */
export class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly disk: MemoryDisk;
  readonly db: Database;
  readonly batches: BatchTable;
  readonly lines: LineTable;
  readonly files: FileStore;
  readonly service: BatchService;
  /** Told of each request, in order. */
  readonly ends: string[] = [];
  writer: ResultWriter;
  runner: BatchRunner | undefined;
  #ask: AskLine = () => Promise.resolve(answer(200, { ok: true }));
  readonly #concurrency: number;

  constructor({ concurrency = 4, totalBytes = 1_000_000 } = {}) {
    this.#concurrency = concurrency;
    this.disk = new MemoryDisk();
    this.db = new Database(":memory:");
    this.batches = new BatchTable(this.db);
    this.lines = new LineTable(this.db);
    const limits = { fileBytes: 100_000, totalBytes };
    this.files = new FileStore({ ...this.parts, limits });
    this.service = new BatchService({
      ...this.parts,
      files: this.files,
      onChange: (seq) => this.runner?.see(seq),
    });
    this.writer = this.#newWriter();
  }

  get parts() {
    const { db, disk, batches, lines, clock, random } = this;
    return { db, disk, batches, lines, clock, random, log: silentLogger() };
  }

  /** Begin with a runner that asks by `ask`; what there was of one before is gone. */
  start(ask: AskLine = this.#ask): BatchRunner {
    this.#ask = ask;
    this.writer = this.#newWriter();
    this.runner = new BatchRunner({
      ...this.parts,
      files: this.files,
      writer: this.writer,
      ask,
      breather: new CountingBreather(),
      concurrency: this.#concurrency,
      maxAskedBytes: 100_000,
      maxLineBytes: 10_000,
      onLine: (end) => this.ends.push(end),
    });
    this.runner.start();
    return this.runner;
  }

  /** Store `text` for `owner`; its id. */
  async store(text: string, owner = ""): Promise<string> {
    await using upload = await this.files.upload(owner);
    await upload.write(encodeUtf8(text));
    return (await upload.finish({ filename: "input.jsonl", purpose: "batch" })).id;
  }

  /** A batch of bodies `{n: 1}` to `{n: count}`. */
  async batch(count: number, owner = ""): Promise<StoredBatch> {
    const bodies = Array.from({ length: count }, (_, index) => ({ n: index + 1 }));
    return await this.batchOf(jsonl(bodies), owner);
  }

  /** A batch of the input `text`. */
  async batchOf(text: string, owner = ""): Promise<StoredBatch> {
    return this.service.create(owner, {
      input_file_id: await this.store(text, owner),
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
    });
  }

  /** The batch as it is at the moment. */
  now({ seq }: StoredBatch): StoredBatch {
    return this.batches.get(seq) ?? fail("The batch is gone");
  }

  /** Have what needs no time go on until `holds`. */
  async until(holds: () => boolean, what = "condition"): Promise<void> {
    for (let turn = 0; turn < 1_000; turn++) {
      if (holds()) return;
      await settle();
    }
    fail(`Not so: ${what}`);
  }

  /** Have a batch go on until it has a status. */
  async untilStatus(batch: StoredBatch, status: StoredBatch["status"]): Promise<StoredBatch> {
    await this.until(
      () => this.now(batch).status === status,
      `${this.now(batch).status}, ${status}`,
    );
    return this.now(batch);
  }

  /** The lines of a file, in order of their `custom_id`. */
  results(name: string): readonly ResultRecord[] {
    const text = decodeUtf8(this.disk.files.get(name) ?? new Uint8Array(0));
    const records: ResultRecord[] = text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
    const numberOf = ({ custom_id }: ResultRecord): number => Number(custom_id.split("-")[1]);
    return records.sort((one, other) => numberOf(one) - numberOf(other));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner?.[Symbol.asyncDispose]();
    this.db[Symbol.dispose]();
  }

  #newWriter(): ResultWriter {
    return new ResultWriter({ ...this.parts, files: this.files });
  }
}
