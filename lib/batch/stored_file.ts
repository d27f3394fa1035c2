/** A file that a client has stored, or a batch has made. @module */
import { intIn, type Row, textIn } from "./database.ts";

/** What a client says that a file is for, as OpenAI's API has it; the one of `batch` is read here. */
export const UPLOAD_PURPOSES = [
  "assistants",
  "batch",
  "evals",
  "fine-tune",
  "user_data",
  "vision",
] as const;

/** What a file is for that a batch has made. */
export const OUTPUT_PURPOSE = "batch_output";

/** One file. */
export interface StoredFile {
  /** The order in which files were stored. */
  readonly seq: number;
  readonly id: string;
  /** The name of the API key that stored it; empty where there are no keys. */
  readonly owner: string;
  readonly filename: string;
  readonly purpose: string;
  /** Its size. */
  readonly bytes: number;
  /** In seconds since 1970. */
  readonly createdAt: number;
}

/** The file that a row of `files` tells of. */
export function storedFileIn(row: Row): StoredFile {
  return {
    seq: intIn(row, "seq"),
    id: textIn(row, "id"),
    owner: textIn(row, "owner"),
    filename: textIn(row, "filename"),
    purpose: textIn(row, "purpose"),
    bytes: intIn(row, "bytes"),
    createdAt: intIn(row, "created_at"),
  };
}

/** A file as clients are told of it: OpenAI's file object. */
export function fileObject(file: StoredFile): Readonly<Record<string, unknown>> {
  const { id, bytes, createdAt, filename, purpose } = file;
  return {
    id,
    object: "file",
    bytes,
    created_at: createdAt,
    expires_at: null,
    filename,
    purpose,
    status: "processed",
    status_details: null,
  };
}
