/** Where the parts of a `multipart/form-data` body are. Source: RFC 2046 section 5.1, RFC 7578. Pure. @module */
import {
  CR,
  decodeUtf8,
  encodeUtf8,
  LF,
  RouterError,
  type Sliced,
  SPACE,
  startsWith,
  STEP_BYTES,
  TAB,
} from "../base/mod.ts";
import { parameterized } from "./parameters.ts";

/** One part: its value is `bytes.subarray(start, end)` of the body. */
export interface FormPart {
  readonly name: string;
  /** Set on files. */
  readonly fileName: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** Parts of a form at most: as many files as engines' servers take. */
const MAX_PARTS = 1_000;

/** Longest head of a part, in bytes. */
const MAX_HEAD = 16 * 1024;

/** Most blanks behind a delimiter, where none are needed. */
const MAX_BLANKS = 1_024;

const HYPHEN = 0x2d;
const HEAD_END = encodeUtf8("\r\n\r\n");

/** Source: RFC 2046 section 5.1.1 (`bchars`). */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

/** The boundary that a content type names. Throws `bad-request` when it is no form's. */
export function boundaryOf(contentType: string): string {
  const { value, parameters } = parameterized(contentType) ?? {};
  if (value !== "multipart/form-data") {
    throw bad("must have the content type 'multipart/form-data', and each parameter of it once");
  }
  const boundary = parameters?.get("boundary") ?? "";
  if (!BOUNDARY.test(boundary)) throw bad("has a content type without a 'boundary' that is one");
  return boundary;
}

/** Whether a content type is that of a form. */
export function isForm(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType);
}

/**
 * The parts of the form that `bytes` are, in steps, in a time that grows with their number alone. Throws
 * `bad-request` for what is no whole form, or could be understood in several ways.
 */
export function* scanningForm(bytes: Uint8Array, boundary: string): Sliced<readonly FormPart[]> {
  const delimiter = encodeUtf8(`\r\n--${boundary}`);
  const parts: FormPart[] = [];
  // The first delimiter needs no line end before it.
  let found = startsWith(bytes, delimiter.subarray(2))
    ? behind(bytes, delimiter.length - 2)
    : undefined;
  found ??= (yield* findingDelimiter(bytes, delimiter, 0)).next;
  while (found.kind === "part") {
    if (parts.length === MAX_PARTS) throw bad(`has more than ${MAX_PARTS} parts`);
    const { name, fileName, start } = readHead(bytes, found.at);
    const { at: end, next } = yield* findingDelimiter(bytes, delimiter, start);
    parts.push({ name, fileName, start, end });
    found = next;
  }
  return parts;
}

/** What stands behind a delimiter: a part's head at `at`, or nothing any more. */
type Behind = { readonly kind: "part"; readonly at: number } | { readonly kind: "end" };

/** The next delimiter from `from` on. */
function* findingDelimiter(
  bytes: Uint8Array,
  delimiter: Uint8Array,
  from: number,
): Sliced<{ readonly at: number; readonly next: Behind }> {
  let at = from;
  let rest = from + STEP_BYTES;
  for (; at < bytes.length; at++) {
    if (at >= rest) {
      yield;
      rest = at + STEP_BYTES;
    }
    if (bytes[at] !== CR) continue;
    let same = 1;
    while (same < delimiter.length && bytes[at + same] === delimiter[same]) same++;
    if (same === delimiter.length) {
      const next = behind(bytes, at + same);
      if (next !== undefined) return { at, next };
    }
    // No delimiter begins within one: it has no other line end.
    at += same - 1;
  }
  throw bad("ends before its form does");
}

/** What a delimiter that ends at `at` is followed by; undefined where it is none. */
function behind(bytes: Uint8Array, at: number): Behind | undefined {
  if (bytes[at] === HYPHEN && bytes[at + 1] === HYPHEN) return { kind: "end" };
  let next = at;
  while (next - at < MAX_BLANKS && (bytes[next] === SPACE || bytes[next] === TAB)) next++;
  return bytes[next] === CR && bytes[next + 1] === LF ? { kind: "part", at: next + 2 } : undefined;
}

function readHead(bytes: Uint8Array, at: number): Omit<FormPart, "end"> {
  const length = headLength(bytes, at);
  const disposition = dispositionOf(decodeUtf8(bytes.subarray(at, at + length)));
  const { value, parameters } = parameterized(disposition) ?? {};
  const name = parameters?.get("name");
  // Some readers would take another name from there: RFC 7578 section 4.2 knows none.
  if (value !== "form-data" || name === undefined || parameters?.has("name*")) {
    throw bad("has a part without a 'Content-Disposition: form-data; name=...' that is one");
  }
  const fileName = parameters?.get("filename") ?? parameters?.get("filename*");
  return { name, fileName, start: at + length + HEAD_END.length };
}

function headLength(bytes: Uint8Array, at: number): number {
  const most = Math.min(bytes.length, at + MAX_HEAD);
  for (let end = at; end < most; end++) {
    if (bytes[end] === CR && startsWith(bytes, HEAD_END, end)) return end - at;
  }
  throw most === bytes.length
    ? bad("ends within the head of a part")
    : bad(`has a part with a head of more than ${MAX_HEAD} bytes`);
}

function dispositionOf(head: string): string {
  const found: string[] = [];
  for (const line of head.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 1 || /[\s\0]/.test(line.slice(0, colon)) || /[\r\n\0]/.test(line)) {
      throw bad("has a part whose head has a line that is no field");
    }
    if (line.slice(0, colon).toLowerCase() === "content-disposition") {
      found.push(line.slice(colon + 1));
    }
  }
  const [disposition = "", another] = found;
  if (another !== undefined) throw bad("has a part with several 'Content-Disposition'");
  return disposition;
}

function bad(what: string): RouterError {
  return new RouterError("bad-request", `The request body ${what}`);
}
