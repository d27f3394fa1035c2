/** One SQLite database: what is committed in it outlives the process, and the machine. @module */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { describeError, RouterError } from "../base/mod.ts";

/** A row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** The one version of the tables that there is. */
const VERSION = 1;

/** Files of pages that are carried over at a time: more at once would take longer than a moment. */
const CHECKPOINT_PAGES = 256;

/**
 * Times are in seconds since 1970, sizes in bytes. `lines` knows where in its file the body of each
 * request is, and of which the result is in an output file (`settled`).
 */
const TABLES = `
  CREATE TABLE files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    filename TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX files_of ON files (owner, seq);
  CREATE TABLE batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    input_file_id TEXT NOT NULL,
    completion_window TEXT NOT NULL,
    metadata TEXT,
    status TEXT NOT NULL,
    errors TEXT,
    total INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    output_name TEXT NOT NULL,
    output_bytes INTEGER NOT NULL DEFAULT 0,
    error_name TEXT NOT NULL,
    error_bytes INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    in_progress_at INTEGER,
    finalizing_at INTEGER,
    completed_at INTEGER,
    failed_at INTEGER,
    expired_at INTEGER,
    cancelling_at INTEGER,
    cancelled_at INTEGER
  ) STRICT;
  CREATE INDEX batches_of ON batches (owner, seq);
  CREATE INDEX batches_in ON batches (status, seq);
  CREATE TABLE lines (
    batch INTEGER NOT NULL,
    line INTEGER NOT NULL,
    custom_id TEXT NOT NULL,
    body_start INTEGER NOT NULL,
    body_end INTEGER NOT NULL,
    settled INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch, line),
    UNIQUE (batch, custom_id)
  ) STRICT, WITHOUT ROWID;
`;

/** Statements are texts of the code, never of clients: each is prepared once. */
export class Database implements Disposable {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the database in the file `path`, for this process alone; `:memory:` for one that nobody
   * keeps. Throws `RouterError` where that cannot be, e.g. as another process has it open.
   */
  constructor(path: string) {
    try {
      this.#db = new DatabaseSync(path);
      this.#db.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      `);
      this.#create();
    } catch (error) {
      const locked = error instanceof Error && error.message.includes("database is locked");
      const why = locked ? "another router has it open" : describeError(error);
      throw new RouterError("internal", `Cannot open ${path}: ${why}`, { cause: error });
    }
  }

  /** All rows of a query. For queries whose rows are bounded. */
  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }

  /** The first row of a query; undefined for none. */
  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values);
  }

  /** Change something; how many rows that were. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** All of `work`, or nothing of it; it is on disk when this returns. Not to be nested. */
  transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const done = work();
      this.#db.exec("COMMIT");
      return done;
    } catch (error) {
      // A full disk may have ended the transaction already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Close it, if it is open. */
  [Symbol.dispose](): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #create(): void {
    const version = Number(this.get("PRAGMA user_version")?.["user_version"]);
    if (version === VERSION) return;
    if (version !== 0) throw new RangeError(`its tables are of version ${version}`);
    this.transaction(() => this.#db.exec(`${TABLES} PRAGMA user_version = ${VERSION};`));
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The whole number in a column. Throws `TypeError` where there is none. */
export function intIn(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`No number in column "${column}"`);
  return value;
}

/** The text in a column. Throws `TypeError` where there is none. */
export function textIn(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`No text in column "${column}"`);
  return value;
}
