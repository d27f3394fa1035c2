/** The endpoints of files: `/v1/files` as OpenAI's API has it. @module */
import { decodeUtf8, RouterError } from "../base/mod.ts";
import {
  type Batches,
  type DiskReader,
  fileObject,
  type FileStore,
  listObject,
  MultipartReader,
  type Part,
  UPLOAD_PURPOSES,
} from "../batch/mod.ts";
import type { Answer } from "../request/mod.ts";
import type { HttpCall, HttpDeps } from "./context.ts";
import { jsonAnswer } from "./respond.ts";

/** A request about files or batches, and what there is of these. */
export interface BatchCall extends HttpCall {
  readonly batches: Batches;
  /** The name of its key; empty where there are none. What others own is not there for it. */
  readonly owner: string;
  /** What the path names; empty where it names nothing. */
  readonly id: string;
}

/** Answers a request about files or batches. Throws `RouterError`. */
export type BatchHandler = (deps: HttpDeps, call: BatchCall) => Answer | Promise<Answer>;

/** Files, and batches, that are listed where nothing is said, and that may be asked for. */
const FILE_LIMITS = { usual: 10_000, most: 10_000 } as const;

/** More than that are not told at once, however many may be asked for. */
const MOST_AT_ONCE = 1_000;

/** Longest field of a form that is no file, in bytes. */
const MAX_FIELD_BYTES = 4 * 1024;

/** Longest name of a file, in characters. */
const MAX_FILENAME = 255;

/** `POST /v1/files`: a form with the fields `file` and `purpose`, in any order. */
export async function uploadFile(_deps: HttpDeps, call: BatchCall): Promise<Answer> {
  const { request: { headers, body }, batches: { files }, owner } = call;
  if (headers.get("content-encoding") !== undefined) {
    throw new RouterError("bad-request", "Send a file without a 'Content-Encoding'");
  }
  const form = new MultipartReader(body, headers.get("content-type"));
  await using upload = await files.upload(owner);
  const said: { filename?: string; purpose?: string } = {};
  for (let part = await form.next(); part !== undefined; part = await form.next()) {
    if (part.name === "file" && said.filename === undefined) {
      said.filename = plainName(part.filename ?? "");
      await store(part, upload);
    } else if (part.name === "purpose") said.purpose = await textOf(part);
    else throw unexpected(part.name);
  }
  const { filename, purpose } = said;
  if (filename === undefined) throw missing("file");
  if (purpose === undefined) throw missing("purpose");
  if (!UPLOAD_PURPOSES.some((known) => known === purpose)) {
    const message = `'purpose' must be one of ${UPLOAD_PURPOSES.join(", ")}`;
    throw new RouterError("bad-request", message, { param: "purpose" });
  }
  return jsonAnswer(200, fileObject(await upload.finish({ filename, purpose })));
}

async function store(
  part: Part,
  upload: { write(bytes: Uint8Array): Promise<void> },
): Promise<void> {
  for (let bytes = await part.read(); bytes !== undefined; bytes = await part.read()) {
    await upload.write(bytes);
  }
}

async function textOf(part: Part): Promise<string> {
  let text = "";
  for (let bytes = await part.read(); bytes !== undefined; bytes = await part.read()) {
    text += decodeUtf8(bytes);
    if (text.length <= MAX_FIELD_BYTES) continue;
    const message = `Field '${part.name}' has more than ${MAX_FIELD_BYTES} bytes`;
    throw new RouterError("bad-request", message, { param: part.name });
  }
  return text;
}

/** The name alone, without folders and without what no line may have. */
function plainName(filename: string): string {
  // deno-lint-ignore no-control-regex
  const name = filename.replace(/^.*[/\\]/s, "").replace(/[\x00-\x1f\x7f]/g, "");
  return name === "" ? "upload" : name.slice(0, MAX_FILENAME);
}

function unexpected(name: string): RouterError {
  const shown = name.slice(0, 100);
  const message = name.startsWith("expires_after")
    ? "Files do not expire here: leave 'expires_after' out, and delete them"
    : `Unexpected field '${shown}': a file has 'file' and 'purpose'`;
  return new RouterError("bad-request", message, { param: shown });
}

function missing(param: string): RouterError {
  return new RouterError("bad-request", `Missing field '${param}'`, { param });
}

/** `GET /v1/files`, by `limit`, `after`, `order` and `purpose`. */
export function listFiles(_deps: HttpDeps, call: BatchCall): Answer {
  const { batches: { files }, owner } = call;
  const query = new URLSearchParams(call.query);
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") {
    throw new RouterError("bad-request", "'order' must be asc or desc", { param: "order" });
  }
  const after = afterOf(query, (id) => files.get(owner, id).seq);
  const page = files.list(owner, {
    limit: Math.min(limitOf(query, FILE_LIMITS), MOST_AT_ONCE),
    after,
    order,
    purpose: query.get("purpose") ?? undefined,
  });
  return jsonAnswer(200, listObject(page, fileObject));
}

/** `GET /v1/files/{id}`. */
export function oneFile(_deps: HttpDeps, { batches, owner, id }: BatchCall): Answer {
  return jsonAnswer(200, fileObject(batches.files.get(owner, id)));
}

/** `GET /v1/files/{id}/content`. */
export async function fileContent(_deps: HttpDeps, call: BatchCall): Promise<Answer> {
  const { batches: { files }, owner, id } = call;
  const file = files.get(owner, id);
  return {
    status: 200,
    headers: [["content-type", "application/octet-stream"]],
    body: await contentOf(files, file),
  };
}

async function contentOf(
  files: FileStore,
  file: Parameters<FileStore["read"]>[0],
): Promise<DiskReader> {
  try {
    return await files.read(file);
  } catch (cause) {
    throw new RouterError("internal", `Cannot read the file ${file.id}`, { cause });
  }
}

/** `DELETE /v1/files/{id}`. */
export async function removeFile(_deps: HttpDeps, call: BatchCall): Promise<Answer> {
  const { batches, owner, id } = call;
  await batches.files.remove(owner, id);
  return jsonAnswer(200, { id, object: "file", deleted: true });
}

/** How many items are asked for. Throws `bad-request`. */
export function limitOf(
  query: URLSearchParams,
  { usual, most }: { readonly usual: number; readonly most: number },
): number {
  const text = query.get("limit");
  if (text === null) return usual;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= most) return limit;
  const message = `'limit' must be a whole number from 1 to ${most}`;
  throw new RouterError("bad-request", message, { param: "limit" });
}

/** The place behind which a list is to begin, where one is named. Throws `bad-request` for none. */
export function afterOf(
  query: URLSearchParams,
  placeOf: (id: string) => number,
): number | undefined {
  const id = query.get("after");
  if (id === null || id === "") return undefined;
  try {
    return placeOf(id);
  } catch (cause) {
    if (!(cause instanceof RouterError)) throw cause;
    throw new RouterError("bad-request", cause.message, { param: "after", cause });
  }
}
