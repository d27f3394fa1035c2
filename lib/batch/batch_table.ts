/** The rows of batches. @module */
import type { Database } from "./database.ts";
import {
  type BatchStatus,
  type BatchTime,
  OPEN_STATUSES,
  type StoredBatch,
  storedBatchIn,
} from "./stored_batch.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";

/** What a batch begins with. */
export type BatchDraft = Pick<
  StoredBatch,
  | "id"
  | "owner"
  | "endpoint"
  | "inputFileId"
  | "completionWindow"
  | "metadata"
  | "outputName"
  | "errorName"
  | "createdAt"
  | "expiresAt"
>;

/** How a batch moves on. */
export interface BatchMove {
  /** Only a batch that is there moves. */
  readonly from: BatchStatus;
  readonly to: BatchStatus;
  /** Times that are set to `at`, in seconds since 1970. */
  readonly times: readonly BatchTime[];
  readonly at: number;
  /** JSON of what was wrong. */
  readonly errors?: string;
  readonly total?: number;
}

/** Results that are written, by how many and how much. */
export interface BatchGain {
  readonly completed: number;
  readonly failed: number;
  readonly outputBytes: number;
  readonly errorBytes: number;
}

const OPEN = OPEN_STATUSES.map((status) => `'${status}'`).join(", ");

/** Batches in the database. */
export class BatchTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** How many are not over. */
  get open(): number {
    return Number(
      this.#db.get(`SELECT count(*) AS n FROM batches WHERE status IN (${OPEN})`)?.["n"],
    );
  }

  /** Add one; on disk when it returns. */
  add(draft: BatchDraft): StoredBatch {
    const row = this.#db.get(
      `INSERT INTO batches (id, owner, endpoint, input_file_id, completion_window, metadata,
          status, output_name, error_name, created_at, expires_at)
        VALUES (?, ?, ?, ?, ?, ?, 'validating', ?, ?, ?, ?) RETURNING *`,
      draft.id,
      draft.owner,
      draft.endpoint,
      draft.inputFileId,
      draft.completionWindow,
      draft.metadata ?? null,
      draft.outputName,
      draft.errorName,
      draft.createdAt,
      draft.expiresAt,
    );
    if (row === undefined) throw new TypeError("A row that was added is not given back");
    return storedBatchIn(row);
  }

  /** The batch of that number. */
  get(seq: number): StoredBatch | undefined {
    const row = this.#db.get("SELECT * FROM batches WHERE seq = ?", seq);
    return row && storedBatchIn(row);
  }

  /** The batch `id`, where it is of `owner`. */
  find(owner: string, id: string): StoredBatch | undefined {
    const row = this.#db.get("SELECT * FROM batches WHERE id = ? AND owner = ?", id, owner);
    return row && storedBatchIn(row);
  }

  /** The latest first. */
  list(owner: string, ask: PageAsk): Page<StoredBatch> {
    const rows = this.#db.all(
      "SELECT * FROM batches WHERE owner = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
      owner,
      ask.after ?? Number.MAX_SAFE_INTEGER,
      ask.limit + 1,
    );
    return pageOf(rows.map(storedBatchIn), ask.limit);
  }

  /** At most `limit` that are not over, of numbers behind `after`, in order. */
  openBehind(after: number, limit: number): readonly StoredBatch[] {
    const rows = this.#db.all(
      `SELECT * FROM batches WHERE status IN (${OPEN}) AND seq > ? ORDER BY seq LIMIT ?`,
      after,
      limit,
    );
    return rows.map(storedBatchIn);
  }

  /** The id of a batch that is not over and needs the file `id`. */
  userOf(id: string): string | undefined {
    const user = this.#db.get(
      `SELECT id FROM batches WHERE status IN (${OPEN}) AND input_file_id = ? LIMIT 1`,
      id,
    );
    return user === undefined ? undefined : String(user["id"]);
  }

  /** Bytes of results of batches that are not over: they are in no file of `files` yet. */
  get openBytes(): number {
    const row = this.#db.get(
      `SELECT coalesce(sum(output_bytes + error_bytes), 0) AS n FROM batches
        WHERE status IN (${OPEN})`,
    );
    return Number(row?.["n"]);
  }

  /** Move a batch on; false where it is not where it should be. */
  move(seq: number, { from, to, times, at, errors, total }: BatchMove): boolean {
    const set = times.map((time) => `, ${time} = ?4`).join("");
    return this.#db.run(
      `UPDATE batches SET status = ?1, errors = coalesce(?2, errors), total = coalesce(?3, total)
        ${set} WHERE seq = ?5 AND status = ?6 AND ?4 IS NOT NULL`,
      to,
      errors ?? null,
      total ?? null,
      at,
      seq,
      from,
    ) === 1;
  }

  /** Results of a batch are written. */
  gain(seq: number, { completed, failed, outputBytes, errorBytes }: BatchGain): void {
    this.#db.run(
      `UPDATE batches SET completed = completed + ?, failed = failed + ?,
        output_bytes = output_bytes + ?, error_bytes = error_bytes + ? WHERE seq = ?`,
      completed,
      failed,
      outputBytes,
      errorBytes,
      seq,
    );
  }

  /** Forget the oldest that are over, so that at most `most` stay; at most `limit` at a time. */
  forgetOld(most: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM batches WHERE seq IN (SELECT seq FROM batches WHERE status NOT IN (${OPEN})
        ORDER BY seq LIMIT min(?2, max(0, (SELECT count(*) FROM batches) - ?1)))`,
      most,
      limit,
    );
  }
}
