/** The requests of batches that are not over: where each is, and whether its result is written. @module */
import { type Database, intIn, textIn } from "./database.ts";
import type { Stretch } from "./disk.ts";

/** One request of a batch. */
export interface BatchLine {
  /** Its place in the file, from 1 on. */
  readonly line: number;
  readonly customId: string;
  /** Where its body is in the file. */
  readonly body: Stretch;
}

/** Of each, whether it has its result is in the database: a line has one, and never gets another. */
export class LineTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Add lines of the batch `batch`; those whose `customId` another line has already are left out, and
   * given back. On disk when it returns.
   */
  add(batch: number, lines: readonly BatchLine[]): readonly BatchLine[] {
    return this.#db.transaction(() =>
      lines.filter(({ line, customId, body }) =>
        this.#db.run(
          `INSERT OR IGNORE INTO lines (batch, line, custom_id, body_start, body_end)
            VALUES (?, ?, ?, ?, ?)`,
          batch,
          line,
          customId,
          body.start,
          body.end,
        ) === 0
      )
    );
  }

  /** At most `limit` lines behind the line `after` that have no result, in order. */
  unsettled(batch: number, after: number, limit: number): readonly BatchLine[] {
    const rows = this.#db.all(
      `SELECT line, custom_id, body_start, body_end FROM lines
        WHERE batch = ? AND line > ? AND settled = 0 ORDER BY line LIMIT ?`,
      batch,
      after,
      limit,
    );
    return rows.map((row) => ({
      line: intIn(row, "line"),
      customId: textIn(row, "custom_id"),
      body: { start: intIn(row, "body_start"), end: intIn(row, "body_end") },
    }));
  }

  /** A line has its result. In a transaction; throws `RangeError` where it has one already. */
  settle(batch: number, line: number): void {
    const changed = this.#db.run(
      "UPDATE lines SET settled = 1 WHERE batch = ? AND line = ? AND settled = 0",
      batch,
      line,
    );
    if (changed !== 1) throw new RangeError(`Line ${line} has a result already, or is none`);
  }

  /** Forget at most `limit` lines of a batch; how many that were. */
  forget(batch: number, limit: number): number {
    return this.#db.run(
      `DELETE FROM lines WHERE batch = ?1 AND line IN
        (SELECT line FROM lines WHERE batch = ?1 ORDER BY line LIMIT ?2)`,
      batch,
      limit,
    );
  }
}
