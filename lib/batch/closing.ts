/** The end of a batch: what was not answered is told so, and the results become files. @module */
import type { Clock, Random } from "../base/mod.ts";
import type { BatchTable } from "./batch_table.ts";
import type { Database } from "./database.ts";
import type { Disk } from "./disk.ts";
import { type FileStore, idOf } from "./file_store.ts";
import type { LineTable } from "./lines.ts";
import { type NoAnswerCode, unansweredLine } from "./result_line.ts";
import type { ResultWriter } from "./result_writer.ts";
import { type BatchTime, OPEN_STATUSES, type StoredBatch } from "./stored_batch.ts";
import { OUTPUT_PURPOSE } from "./stored_file.ts";

/** What closing works with. */
export interface ClosingOptions {
  readonly db: Database;
  readonly disk: Pick<Disk, "append">;
  readonly batches: BatchTable;
  readonly lines: LineTable;
  readonly files: Pick<FileStore, "adopt">;
  readonly writer: Pick<ResultWriter, "write">;
  readonly clock: Clock;
  readonly random: Random;
}

/** Lines that are read at a time. */
const ROWS = 128;

/** What requests without an answer are told. */
const UNANSWERED: Readonly<Record<Exclude<NoAnswerCode, "invalid_response">, string>> = {
  batch_expired: "This request could not be executed before the completion window expired.",
  batch_cancelled: "This request was not executed before the batch was cancelled.",
};

/** Bring a batch that is `finalizing` or `cancelling` to its end, unless `left` says that it can wait. */
export async function closeBatch(
  options: ClosingOptions,
  batch: StoredBatch,
  left: () => boolean,
): Promise<void> {
  const { batches, disk } = options;
  const { seq, status, times } = batch;
  const cancelled = status === "cancelling";
  // What was not read to its end is not told line by line.
  if (!cancelled || times.in_progress_at !== null) {
    const code = cancelled ? "batch_cancelled" : "batch_expired";
    if (!await tellUnanswered(options, seq, code, left)) return;
  }
  const told = batches.get(seq);
  if (left() || told === undefined) return;
  // A tail that was torn when a process ended goes.
  if (told.outputBytes > 0) await disk.append(told.outputName, told.outputBytes, []);
  if (told.errorBytes > 0) await disk.append(told.errorName, told.errorBytes, []);
  finish(options, told);
}

/** False where it did not come to the end. */
async function tellUnanswered(
  { lines, writer, random }: ClosingOptions,
  seq: number,
  code: keyof typeof UNANSWERED,
  left: () => boolean,
): Promise<boolean> {
  for (;;) {
    const some = lines.unsettled(seq, 0, ROWS);
    if (some.length === 0) return true;
    const written = await Promise.all(some.map(({ line, customId }) => {
      const head = { line, customId, id: idOf("batch_req_", random) };
      return writer.write(seq, unansweredLine(head, code, UNANSWERED[code]));
    }));
    if (left() || written.includes(false)) return false;
  }
}

function finish({ db, batches, files, clock }: ClosingOptions, batch: StoredBatch): void {
  const { seq, id, owner, status, times } = batch;
  const from = OPEN_STATUSES.find((open) => open === status);
  if (from === undefined) return;
  const [to, time]: readonly ["cancelled" | "expired" | "completed", BatchTime | undefined] =
    status === "cancelling"
      ? ["cancelled", "cancelled_at"]
      : times.expired_at !== null
      ? ["expired", undefined]
      : ["completed", "completed_at"];
  const made = [
    { id: batch.outputName, bytes: batch.outputBytes, filename: `${id}_output.jsonl` },
    { id: batch.errorName, bytes: batch.errorBytes, filename: `${id}_error.jsonl` },
  ];
  db.transaction(() => {
    for (const file of made) {
      if (file.bytes > 0) files.adopt({ ...file, owner, purpose: OUTPUT_PURPOSE });
    }
    const at = Math.floor(clock.unixMs() / 1000);
    batches.move(seq, { from, to, times: time === undefined ? [] : [time], at });
  });
}
