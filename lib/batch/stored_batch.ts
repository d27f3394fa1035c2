/** A batch: many requests in one file, answered when there is time. @module */
import { jsonOf } from "../base/mod.ts";
import { intIn, type Row, textIn } from "./database.ts";

/** Endpoints that the requests of a batch can be for. */
export const BATCH_ENDPOINTS = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/embeddings",
  "/v1/responses",
] as const;

/** Where a batch stands that is not over. */
export const OPEN_STATUSES = ["validating", "in_progress", "finalizing", "cancelling"] as const;

/** Where a batch stands, as OpenAI's API has it. */
export type BatchStatus =
  | typeof OPEN_STATUSES[number]
  | "completed"
  | "failed"
  | "expired"
  | "cancelled";

/** Whether a batch may still change. */
export function isOpen(status: string): boolean {
  return OPEN_STATUSES.some((open) => open === status);
}

/** The columns of times at which a batch came to a status. */
const TIMES = [
  "in_progress_at",
  "finalizing_at",
  "completed_at",
  "failed_at",
  "expired_at",
  "cancelling_at",
  "cancelled_at",
] as const;

/** One of these columns. */
export type BatchTime = typeof TIMES[number];

/** One batch. */
export interface StoredBatch {
  readonly seq: number;
  readonly id: string;
  /** As of a file. */
  readonly owner: string;
  readonly endpoint: string;
  readonly inputFileId: string;
  readonly completionWindow: string;
  /** JSON of an object of texts. */
  readonly metadata: string | undefined;
  readonly status: BatchStatus;
  /** JSON of a list of `BatchProblem`. */
  readonly errors: string | undefined;
  /** Requests in all, answered well, and not. */
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  /** The ids of the files that get the results, and how much of each is known to be right. */
  readonly outputName: string;
  readonly outputBytes: number;
  readonly errorName: string;
  readonly errorBytes: number;
  /** In seconds since 1970, as are the `times`. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly times: Readonly<Record<BatchTime, number | null>>;
}

/** The batch that a row of `batches` tells of. */
export function storedBatchIn(row: Row): StoredBatch {
  return {
    seq: intIn(row, "seq"),
    id: textIn(row, "id"),
    owner: textIn(row, "owner"),
    endpoint: textIn(row, "endpoint"),
    inputFileId: textIn(row, "input_file_id"),
    completionWindow: textIn(row, "completion_window"),
    metadata: optionalText(row, "metadata"),
    status: textIn(row, "status") as BatchStatus,
    errors: optionalText(row, "errors"),
    total: intIn(row, "total"),
    completed: intIn(row, "completed"),
    failed: intIn(row, "failed"),
    outputName: textIn(row, "output_name"),
    outputBytes: intIn(row, "output_bytes"),
    errorName: textIn(row, "error_name"),
    errorBytes: intIn(row, "error_bytes"),
    createdAt: intIn(row, "created_at"),
    expiresAt: intIn(row, "expires_at"),
    times: {
      in_progress_at: timeIn(row, "in_progress_at"),
      finalizing_at: timeIn(row, "finalizing_at"),
      completed_at: timeIn(row, "completed_at"),
      failed_at: timeIn(row, "failed_at"),
      expired_at: timeIn(row, "expired_at"),
      cancelling_at: timeIn(row, "cancelling_at"),
      cancelled_at: timeIn(row, "cancelled_at"),
    },
  };
}

function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textIn(row, column);
}

function timeIn(row: Row, column: BatchTime): number | null {
  return row[column] === null ? null : intIn(row, column);
}

/** A batch as clients are told of it: OpenAI's batch object. */
export function batchObject(batch: StoredBatch): Readonly<Record<string, unknown>> {
  const { id, status, errors, metadata, total, completed, failed } = batch;
  const over = !isOpen(status);
  return {
    id,
    object: "batch",
    endpoint: batch.endpoint,
    errors: errors === undefined ? null : { object: "list", data: jsonOf(errors) },
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    status,
    output_file_id: over && batch.outputBytes > 0 ? batch.outputName : null,
    error_file_id: over && batch.errorBytes > 0 ? batch.errorName : null,
    created_at: batch.createdAt,
    expires_at: batch.expiresAt,
    ...batch.times,
    request_counts: { total, completed, failed },
    metadata: metadata === undefined ? null : jsonOf(metadata),
  };
}
