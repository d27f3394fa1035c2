/** Files of a configuration as they are at one time, read without holding anything up. @module */
import { fileErrorText, sha256 } from "../base/mod.ts";

/** What is needed of a file system; both reject as `Deno.stat` and `Deno.readTextFile` do. */
export interface FilesPort {
  stat(path: string): Promise<Pick<Deno.FileInfo, "isFile" | "size">>;
  read(path: string): Promise<string>;
}

/** The text of a file, or the error with which it could not be read. */
export type FileText = { readonly text: string } | { readonly error: unknown };

/** Largest file, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Read a file as it is; never rejects. A pipe is not read, as its end may never come. */
export async function readFileText(path: string, files: FilesPort): Promise<FileText> {
  try {
    const { isFile, size } = await files.stat(path);
    if (!isFile) return { error: new Error("it is no regular file") };
    if (size > MAX_BYTES) return { error: new Error(`it has ${size} bytes, over ${MAX_BYTES}`) };
    return { text: await files.read(path) };
  } catch (error) {
    return { error };
  }
}

/** Several files, by path. */
export async function readFileTexts(
  paths: Iterable<string>,
  files: FilesPort,
): Promise<ReadonlyMap<string, FileText>> {
  const texts = [...new Set(paths)].map(async (path) =>
    [path, await readFileText(path, files)] as const
  );
  return new Map(await Promise.all(texts));
}

/** A digest of what files say, or of why they cannot be read. */
export function digestOf(texts: ReadonlyMap<string, FileText>): string {
  const said = [...texts].map(([path, read]) =>
    "text" in read ? [path, read.text] : [path, null, fileErrorText(read.error)]
  );
  return sha256(JSON.stringify(said));
}
