/** Files that clients store, list, read and delete. @module */
import { type Clock, type Random, RouterError } from "../base/mod.ts";
import type { BatchTable } from "./batch_table.ts";
import { type Database, intIn } from "./database.ts";
import type { Disk, DiskReader } from "./disk.ts";
import { type Page, type PageAsk, pageOf } from "./page.ts";
import { type StoredFile, storedFileIn } from "./stored_file.ts";
import { Upload } from "./upload.ts";

/** What is stored at most, in bytes. */
export interface StoreLimits {
  /** One file of a client's. */
  readonly fileBytes: number;
  /** All files, and the results of batches. */
  readonly totalBytes: number;
}

/** What a store works with. */
export interface FileStoreOptions {
  readonly db: Database;
  readonly disk: Disk;
  readonly batches: Pick<BatchTable, "userOf" | "openBehind" | "openBytes">;
  readonly clock: Pick<Clock, "unixMs">;
  readonly random: Pick<Random, "uuid">;
  readonly limits: StoreLimits;
}

/** Which files of an owner are listed. */
export interface FileListAsk extends PageAsk {
  readonly order: "asc" | "desc";
  readonly purpose?: string | undefined;
}

/** Files at most, and uploads at a time. */
const MAX_FILES = 100_000;
const MAX_UPLOADS = 64;

/** Rows that are read at a time. */
const ROWS = 256;

/** A file counts from its row on; one without a row is rubbish. */
export class FileStore {
  readonly #options: FileStoreOptions;
  #usedBytes: number;
  #uploads = 0;

  constructor(options: FileStoreOptions) {
    this.#options = options;
    const { db, batches } = options;
    const all = db.get("SELECT coalesce(sum(bytes), 0) AS n FROM files");
    this.#usedBytes = Number(all?.["n"]) + batches.openBytes;
  }

  /** Bytes of all files, of uploads, and of the results of batches that are not over. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Whether there is room for more. */
  get hasRoom(): boolean {
    return this.#usedBytes < this.#options.limits.totalBytes;
  }

  /** Results were written that are in no file yet. */
  grow(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Delete what a process that ended at a bad moment has left behind; before anything is stored. */
  async clean(): Promise<void> {
    const { db, disk, batches } = this.#options;
    const known = new Set<string>();
    for (let after = 0;;) {
      const rows = db.all(
        "SELECT seq, id FROM files WHERE seq > ? ORDER BY seq LIMIT ?",
        after,
        ROWS,
      );
      for (const row of rows) known.add(String(row["id"]));
      const last = rows.at(-1);
      if (last === undefined) break;
      after = intIn(last, "seq");
    }
    for (let after = 0;;) {
      const open = batches.openBehind(after, ROWS);
      for (const { outputName, errorName } of open) known.add(outputName).add(errorName);
      const last = open.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
    for (const name of await disk.list()) if (!known.has(name)) await disk.remove(name);
  }

  /** Begin to store a file. Throws `overloaded` where too many are being stored. */
  async upload(owner: string): Promise<Upload> {
    const { disk, random, limits: { fileBytes, totalBytes } } = this.#options;
    if (this.#uploads >= MAX_UPLOADS) {
      throw new RouterError("overloaded", `${MAX_UPLOADS} files are being stored: try again later`);
    }
    this.#uploads++;
    const name = idOf("upload-", random);
    try {
      return new Upload({
        disk,
        name,
        writer: await disk.create(name),
        limitBytes: fileBytes,
        grow: (bytes) => {
          if (this.#usedBytes + bytes > totalBytes) throw storageFull(totalBytes);
          this.#usedBytes += bytes;
        },
        shrink: (bytes) => this.#usedBytes -= bytes,
        onEnd: () => this.#uploads--,
        add: (file) => this.#add({ ...file, owner }),
        newId: () => idOf("file-", random),
      });
    } catch (error) {
      this.#uploads--;
      throw error;
    }
  }

  /** The file `id` of `owner`. Throws `not-found`. */
  get(owner: string, id: string): StoredFile {
    const row = this.#options.db.get("SELECT * FROM files WHERE id = ? AND owner = ?", id, owner);
    if (row === undefined) throw noSuch("File", id);
    return storedFileIn(row);
  }

  list(owner: string, { limit, after, order, purpose }: FileListAsk): Page<StoredFile> {
    const { db } = this.#options;
    const rows = order === "asc"
      ? db.all(
        `SELECT * FROM files WHERE owner = ?1 AND seq > ?2 AND (?3 IS NULL OR purpose = ?3)
          ORDER BY seq LIMIT ?4`,
        owner,
        after ?? 0,
        purpose ?? null,
        limit + 1,
      )
      : db.all(
        `SELECT * FROM files WHERE owner = ?1 AND seq < ?2 AND (?3 IS NULL OR purpose = ?3)
          ORDER BY seq DESC LIMIT ?4`,
        owner,
        after ?? Number.MAX_SAFE_INTEGER,
        purpose ?? null,
        limit + 1,
      );
    return pageOf(rows.map(storedFileIn), limit);
  }

  /** What is in a file. */
  read({ id }: Pick<StoredFile, "id">): Promise<DiskReader> {
    return this.#options.disk.read(id);
  }

  /** Delete a file. Throws `not-found`, and `bad-request` while a batch needs it. */
  async remove(owner: string, id: string): Promise<void> {
    const { db, disk, batches } = this.#options;
    const { bytes } = this.get(owner, id);
    const user = batches.userOf(id);
    if (user !== undefined) {
      const message = `The file '${id}' is the input of the batch '${user}', which is not over`;
      throw new RouterError("bad-request", message, { param: "file_id" });
    }
    db.run("DELETE FROM files WHERE id = ?", id);
    this.#usedBytes -= bytes;
    await disk.remove(id);
  }

  /** Make results, which are counted already, a file. In a transaction. */
  adopt(file: Omit<StoredFile, "seq" | "createdAt">): void {
    this.#insert(file);
  }

  #add(file: Omit<StoredFile, "seq" | "createdAt">): StoredFile {
    const { db } = this.#options;
    const count = Number(db.get("SELECT count(*) AS n FROM files")?.["n"]);
    if (count >= MAX_FILES) {
      const message = `There are ${MAX_FILES} files: delete some first`;
      throw new RouterError("body-too-large", message);
    }
    return this.#insert(file);
  }

  #insert(
    { id, owner, filename, purpose, bytes }: Omit<StoredFile, "seq" | "createdAt">,
  ): StoredFile {
    const { db, clock } = this.#options;
    const row = db.get(
      `INSERT INTO files (id, owner, filename, purpose, bytes, created_at)
        VALUES (?, ?, ?, ?, ?, ?) RETURNING *`,
      id,
      owner,
      filename,
      purpose,
      bytes,
      Math.floor(clock.unixMs() / 1000),
    );
    if (row === undefined) throw new TypeError("A row that was added is not given back");
    return storedFileIn(row);
  }
}

/** What begins the ids of things, as in OpenAI's API; `upload-` that of files which are not whole. */
export type IdPrefix = "file-" | "upload-" | "batch_" | "batch_req_";

/** An id that nothing else has. */
export function idOf(prefix: IdPrefix, random: Pick<Random, "uuid">): string {
  return prefix + random.uuid().replaceAll("-", "");
}

/** The error that says that there is no such thing, or that it is somebody else's. */
export function noSuch(what: "File" | "Batch", id: string): RouterError {
  const shown = id.length > 100 ? `${id.slice(0, 100)}...` : id;
  return new RouterError("not-found", `No such ${what} object: ${shown}`, { param: "id" });
}

function storageFull(totalBytes: number): RouterError {
  const message = `The storage of ${totalBytes} bytes is full (--max-storage-bytes): delete files`;
  return new RouterError("body-too-large", message);
}
