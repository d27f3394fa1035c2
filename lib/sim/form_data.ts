/** Fields of a `multipart/form-data` body, as an engine's server reads them. @module */
import { badRequest } from "./api_error.ts";
import type { HttpRequest } from "./http_server.ts";
import type { JsonObject } from "./json.ts";

/** A file of a form, told by its content. */
export interface FormFile {
  readonly fileName: string;
  readonly bytes: number;
  readonly content: Uint8Array;
}

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The form's texts and files by name; several of one name are a list. Throws ApiError. */
export function formFields(request: HttpRequest): JsonObject {
  const type = request.headers.get("content-type") ?? "";
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (!type.startsWith("multipart/form-data") || boundary === undefined) {
    throw badRequest("Expected a form");
  }
  // Each byte is a character here, so that places in the text are places in the body.
  const text = `\r\n${latin1.decode(request.body)}`;
  const [, ...pieces] = text.split(`\r\n--${boundary}`);
  if (pieces.pop()?.startsWith("--") !== true) throw badRequest("The form has no end");
  const fields: Record<string, unknown> = {};
  let at = text.indexOf(`\r\n--${boundary}`) - 2;
  for (const piece of pieces) {
    const head = piece.indexOf("\r\n\r\n");
    const start = at + boundary.length + 4 + head + 4;
    const end = at + boundary.length + 4 + piece.length;
    const [, name] = /[; ]name="([^"]*)"/i.exec(piece.slice(0, head)) ?? [];
    if (head < 0 || name === undefined) throw badRequest("A part of the form has no name");
    const [, fileName] = /[; ]filename="([^"]*)"/i.exec(piece.slice(0, head)) ?? [];
    const content = request.body.subarray(start, end);
    const value = fileName === undefined
      ? utf8.decode(content)
      : { fileName, bytes: content.length, content } satisfies FormFile;
    const known = fields[name];
    fields[name] = known === undefined ? value : [known, value].flat();
    at = end;
  }
  return fields;
}

/** The file of a field. Throws ApiError when it is none. */
export function fileField(body: JsonObject, name: string): FormFile {
  const value = body[name];
  if (typeof value === "object" && value !== null && "content" in value) return value as FormFile;
  throw badRequest(`${name}: Expected a file`, name);
}
