/** Reads the input of a batch: what it asks for, or what is wrong with it. @module */
import { type Breather, inSlices } from "../base/mod.ts";
import type { Disk } from "./disk.ts";
import type { BatchLine, LineTable } from "./lines.ts";
import type { BatchProblem } from "./problems.ts";
import { isProblem, readingLine } from "./read_line.ts";
import { linesOf } from "./split_lines.ts";
import type { StoredBatch } from "./stored_batch.ts";

/** What validation works with. */
export interface ValidationOptions {
  readonly disk: Pick<Disk, "read">;
  readonly lines: LineTable;
  readonly breather: Breather;
  /** Longest line, in bytes. */
  readonly maxLineBytes: number;
}

/** What was found. */
export type Validated =
  | { readonly kind: "valid"; readonly total: number }
  | { readonly kind: "invalid"; readonly problems: readonly BatchProblem[] }
  /** It is not wanted any more. */
  | { readonly kind: "left" };

/** Requests of one batch at most. */
export const MAX_LINES = 50_000;

/** Lines that are added, or forgotten, in one transaction. */
const ROWS = 100;

/** Problems that are told. */
const MAX_PROBLEMS = 100;

/** The lines of `batch` are in the table when it is valid, those that there were before are not. */
export async function validate(
  options: ValidationOptions,
  batch: StoredBatch,
  wanted: () => boolean,
): Promise<Validated> {
  await forgetLines(options, batch.seq);
  const validation = new Validation(options, batch);
  let reader;
  try {
    reader = await options.disk.read(batch.inputFileId);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return invalid([wholeProblem("file_unreadable", "The input file is not there any more")]);
  }
  try {
    for await (const { line, bytes, at } of linesOf(reader, options.maxLineBytes)) {
      if (!wanted()) return { kind: "left" };
      if (await validation.take(line, bytes, at.start) === "enough") break;
    }
  } finally {
    reader.cancel();
  }
  return validation.end();
}

/** Forget all lines of a batch, some at a time. */
export async function forgetLines(
  { lines, breather }: Pick<ValidationOptions, "lines" | "breather">,
  batch: number,
): Promise<void> {
  while (lines.forget(batch, ROWS) === ROWS) {
    if (breather.tired()) await breather.pause();
  }
}

class Validation {
  readonly #options: ValidationOptions;
  readonly #batch: StoredBatch;
  readonly #problems: BatchProblem[] = [];
  #rows: BatchLine[] = [];
  #total = 0;

  constructor(options: ValidationOptions, batch: StoredBatch) {
    this.#options = options;
    this.#batch = batch;
  }

  async take(
    line: number,
    bytes: Uint8Array | undefined,
    offset: number,
  ): Promise<"on" | "enough"> {
    const { breather, maxLineBytes } = this.#options;
    if (++this.#total > MAX_LINES) {
      const message = `The batch has more than ${MAX_LINES} requests`;
      this.#problems.push(wholeProblem("too_many_tasks", message));
      return "enough";
    }
    if (bytes === undefined) {
      const message = `This line has more than ${maxLineBytes} bytes`;
      this.#problems.push({ ...wholeProblem("line_too_long", message), line });
    } else {
      const read = await inSlices(readingLine(bytes, this.#batch.endpoint), breather);
      if (isProblem(read)) this.#problems.push({ ...read, line });
      else {
        const { customId, body: { start, end } } = read;
        this.#rows.push({ line, customId, body: { start: offset + start, end: offset + end } });
      }
    }
    if (this.#rows.length >= ROWS) this.#add();
    if (breather.tired()) await breather.pause();
    return this.#problems.length >= MAX_PROBLEMS ? "enough" : "on";
  }

  end(): Validated {
    this.#add();
    if (this.#total === 0) {
      const message = "The batch input file is empty: it must have at least one request";
      this.#problems.push(wholeProblem("empty_file", message));
    }
    return this.#problems.length > 0
      ? invalid(this.#problems)
      : { kind: "valid", total: this.#total };
  }

  #add(): void {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length === 0) return;
    for (const { line, customId } of this.#options.lines.add(this.#batch.seq, rows)) {
      const shown = JSON.stringify(customId.slice(0, 100));
      this.#problems.push({
        code: "duplicate_custom_id",
        message: `The custom_id ${shown} is a duplicate of another request: it must be unique`,
        param: "custom_id",
        line,
      });
    }
  }
}

function invalid(problems: readonly BatchProblem[]): Validated {
  const inOrder = problems.toSorted((one, other) => (one.line ?? 0) - (other.line ?? 0));
  return { kind: "invalid", problems: inOrder.slice(0, MAX_PROBLEMS) };
}

function wholeProblem(code: BatchProblem["code"], message: string): BatchProblem {
  return { code, message, param: null, line: null };
}
