/** HTTP/1.1 requests from bytes: head, body by length or in chunks. Knows no sockets. @module */
import { concatBytes } from "../base/mod.ts";

/** Longest request head and longest body, in bytes. */
const MAX_HEAD = 64 * 1024;
export const MAX_BODY = 64 * 1024 * 1024;

/** A request the server cannot read; the connection ends with this status. */
export class HttpSyntaxError extends Error {
  override readonly name = "HttpSyntaxError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How the body of a request ends. */
export type BodyFraming =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" };

/** A request line and its fields. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly minorVersion: number;
  /** By lower-case name; repeated fields joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: BodyFraming;
  readonly keepAlive: boolean;
}

const latin1 = new TextDecoder("latin1");
const REQUEST_LINE = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Parse a head without its final empty line. Throws HttpSyntaxError. */
export function parseHead(bytes: Uint8Array): RequestHead {
  const lines = latin1.decode(bytes).split("\r\n");
  const line = REQUEST_LINE.exec(lines[0] ?? "");
  if (line === null) throw new HttpSyntaxError(400, `Bad request line: ${lines[0] ?? ""}`);
  const [, method = "", target = "", minor = "1"] = line;
  const headers = new Map<string, string>();
  for (let index = 1; index < lines.length; index++) {
    const text = lines[index] ?? "";
    const colon = text.indexOf(":");
    const name = text.slice(0, Math.max(colon, 0));
    if (!FIELD_NAME.test(name)) throw new HttpSyntaxError(400, `Bad header line: ${text}`);
    const key = name.toLowerCase();
    const value = text.slice(colon + 1).trim();
    const known = headers.get(key);
    headers.set(key, known === undefined ? value : `${known}, ${value}`);
  }
  const question = target.indexOf("?");
  const connection = (headers.get("connection") ?? "").toLowerCase();
  const minorVersion = minor === "0" ? 0 : 1;
  return {
    method,
    path: question < 0 ? target : target.slice(0, question),
    query: question < 0 ? "" : target.slice(question + 1),
    minorVersion,
    headers,
    body: framingOf(headers),
    keepAlive: minorVersion === 1
      ? !connection.includes("close")
      : connection.includes("keep-alive"),
  };
}

function framingOf(headers: ReadonlyMap<string, string>): BodyFraming {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") {
      throw new HttpSyntaxError(501, `Unsupported transfer encoding: ${encoding}`);
    }
    if (length !== undefined) {
      throw new HttpSyntaxError(400, "Both content-length and transfer-encoding");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "length", bytes: 0 };
  if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError(400, `Bad content-length: ${length}`);
  const bytes = Number(length);
  if (bytes > MAX_BODY) throw new HttpSyntaxError(413, `Body of ${bytes} bytes is too large`);
  return { kind: "length", bytes };
}

/** Where bytes come from: a buffer that is filled on demand. */
export interface ByteSource {
  /** Bytes not consumed yet; valid until the next `fill`. */
  readonly available: Uint8Array;
  /** Drop the first `count` available bytes. */
  consume(count: number): void;
  /** Get more bytes; false at the end of the stream. */
  fill(): Promise<boolean>;
}

/**
 * The next request's head; undefined if the stream ends before its first byte.
 * Throws HttpSyntaxError on bad syntax or an end inside the head.
 */
export async function readHead(source: ByteSource): Promise<RequestHead | undefined> {
  let searched = 0;
  for (;;) {
    const bytes = source.available;
    const end = indexOfHeadEnd(bytes, Math.max(searched - 3, 0));
    if (end >= 0) {
      const start = bytes[0] === 0x0d && bytes[1] === 0x0a ? 2 : 0;
      const head = parseHead(bytes.subarray(start, end));
      source.consume(end + 4);
      return head;
    }
    searched = bytes.length;
    if (searched > MAX_HEAD) throw new HttpSyntaxError(431, "Request head too large");
    if (!await source.fill()) {
      if (searched === 0) return undefined;
      throw new HttpSyntaxError(400, "Connection closed inside a request head");
    }
  }
}

function indexOfHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0x0d, from); at >= 0; at = bytes.indexOf(0x0d, at + 1)) {
    if (bytes[at + 1] === 0x0a && bytes[at + 2] === 0x0d && bytes[at + 3] === 0x0a && at > 0) {
      return at;
    }
  }
  return -1;
}

/** The whole body. Throws HttpSyntaxError when it is cut, malformed or too large. */
export async function readBody(source: ByteSource, framing: BodyFraming): Promise<Uint8Array> {
  if (framing.kind === "length") return await readExactly(source, framing.bytes);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const size = parseChunkSize(await readLine(source));
    total += size;
    if (total > MAX_BODY) throw new HttpSyntaxError(413, `Body of ${total} bytes is too large`);
    if (size === 0) break;
    parts.push(await readExactly(source, size));
    if (await readLine(source) !== "") throw new HttpSyntaxError(400, "Bad end of chunk");
  }
  while (await readLine(source) !== "") {
    // Trailer fields carry nothing the engine needs.
  }
  return concatBytes(parts);
}

function parseChunkSize(line: string): number {
  const hex = /^([0-9a-fA-F]{1,8})(?:\s*;.*)?$/.exec(line);
  if (hex === null) throw new HttpSyntaxError(400, `Bad chunk size: ${line}`);
  return parseInt(hex[1] ?? "0", 16);
}

async function readLine(source: ByteSource): Promise<string> {
  for (;;) {
    const bytes = source.available;
    const end = bytes.indexOf(0x0a);
    if (end >= 0) {
      if (bytes[end - 1] !== 0x0d) throw new HttpSyntaxError(400, "Line without carriage return");
      const line = latin1.decode(bytes.subarray(0, end - 1));
      source.consume(end + 1);
      return line;
    }
    if (bytes.length > 4096) throw new HttpSyntaxError(400, "Chunk line too long");
    if (!await source.fill()) throw new HttpSyntaxError(400, "Connection closed inside a body");
  }
}

async function readExactly(source: ByteSource, count: number): Promise<Uint8Array> {
  const body = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    const bytes = source.available;
    if (bytes.length === 0) {
      if (!await source.fill()) throw new HttpSyntaxError(400, "Connection closed inside a body");
      continue;
    }
    const part = bytes.subarray(0, count - filled);
    body.set(part, filled);
    filled += part.length;
    source.consume(part.length);
  }
  return body;
}
