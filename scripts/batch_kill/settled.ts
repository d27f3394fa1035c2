/** Which requests have their results, by the database of a router that has ended. @module */
import { DatabaseSync } from "node:sqlite";

/**
 * The texts of all requests that are settled for ever: by a copy, as whoever opens a database brings it
 * in order.
 */
export async function settledIn(
  folder: string,
  textsOf: (inputFileId: string) => readonly string[] | undefined,
): Promise<ReadonlySet<string>> {
  const copy = await Deno.makeTempDir();
  try {
    for (const name of ["batches.sqlite", "batches.sqlite-wal"]) {
      await copyIfThere(`${folder}/${name}`, `${copy}/${name}`);
    }
    const db = new DatabaseSync(`${copy}/batches.sqlite`);
    try {
      return new Set(readSettled(db).flatMap(({ file, line }) => textsOf(file)?.[line - 1] ?? []));
    } finally {
      db.close();
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

function readSettled(
  db: DatabaseSync,
): readonly { readonly file: string; readonly line: number }[] {
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'lines'").get() === undefined) return [];
  const rows = db.prepare(
    `SELECT input_file_id AS file, line FROM batches JOIN lines ON batch = seq WHERE settled = 1`,
  ).all();
  return rows.map(({ file, line }) => ({ file: String(file), line: Number(line) }));
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await Deno.copyFile(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
